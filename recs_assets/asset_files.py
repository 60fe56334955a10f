"""The names of the files that pass between assets, by the asset that writes them; and which assets others are made from."""

# What the graph is made from,
EXPORT_NAMES = (
    "user_nodes",
    "vehicle_nodes",
    "product_nodes",
    "fits_edges",
    "owns_edges",
    "interaction_edges",
    "co_purchase_edges",
)
# and lists, beside the newest record of what may be served.
LIST_INPUTS = (*EXPORT_NAMES, "hetero_graph", "sql_scores", "user_scores", "product_similarities", "rollout_assignment")


def own_file(asset: str) -> str:
    """The file of an asset that writes one table: an export, scores, similarities."""
    return f"{asset}.parquet"


# raw_users, raw_vehicles and the other source tables
SOURCE_PROFILE = "profile.json"

# user_nodes, vehicle_nodes, product_nodes, fits_edges, owns_edges, interaction_edges, co_purchase_edges
USER_NODES = own_file("user_nodes")
PRODUCT_NODES = own_file("product_nodes")
FITS_EDGES = own_file("fits_edges")
INTERACTION_EDGES = own_file("interaction_edges")
CO_PURCHASE_EDGES = own_file("co_purchase_edges")
# interaction_edges too: orders that are no edges, but no reason to recommend again what was bought
OTHER_ORDERS = own_file("other_orders")
# and accounts that stand for many people
SHARED_ACCOUNTS = own_file("shared_accounts")

# vehicle_nodes too: every id of a vehicle, and that of its node
VEHICLE_IDS = own_file("vehicle_ids")

# hetero_graph
GRAPH = "graph.pt"
COVERAGE = "coverage.json"
USER_PROFILES = "user_profiles.parquet"
PROFILES = "profiles.parquet"
PROFILE_VEHICLES = "profile_vehicles.parquet"

# trained_model; approved_model holds copies of the first two
MODEL = "model.pt"
TOWERS = "towers.pt"
VALIDATION_MODEL = "validation_model.pt"
CURVE = "curve.parquet"
TOWERS_CURVE = "towers_curve.parquet"
WEIGHTS = "weights.json"
RESIDUAL = "residual.json"
USER_VECTORS = "user_vectors.parquet"
PRODUCT_VECTORS = "product_vectors.parquet"

# offline_metrics
METRICS = "metrics.parquet"
PER_USER = "per_user.parquet"
METRICS_BY_RELEVANCE = "metrics_by_relevance.parquet"
PER_USER_BY_RELEVANCE = "per_user_by_relevance.parquet"
SLICES = "slices.parquet"
ALPHA_CURVE = "alpha_curve.parquet"
CEILING = "ceiling.parquet"
VERDICT = "verdict.json"
EVIDENCE = "evidence.parquet"

# approved_model
RECORD = "record.json"

# product_similarities, sql_scores, user_scores
PRODUCT_SIMILARITIES = own_file("product_similarities")
SQL_SCORES = own_file("sql_scores")
USER_SCORES = own_file("user_scores")

# mail_events, rollout_stage, rollout_assignment
MAIL_EVENTS = own_file("mail_events")
STAGE = "stage.json"
ARMS = "arms.parquet"

# recommendations
STAGED = "staged.json"
PROFILE_LISTS = "profile_recommendations.parquet"

# release_report
RELEASE_REPORT = "release_report.html"
