"""What the model's score of parts is made of, for one profile: how far each term sets them apart from other candidates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from recs_assets.asset_files import GRAPH, MODEL, PROFILES, TOWERS, own_file
from recs_assets.gnn import graph, scoring
from recs_assets.gnn.candidates import eligible_candidates
from recs_assets.gnn.channels import gated_model
from recs_assets.gnn.channels.evidence import Evidence, channel_names
from recs_assets.gnn.channels.popularity import POPULARITY
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.resources.store.artifact import Artifact
from recs_assets.settings import Settings

# Their weights have opposite signs, so that one alone says nothing.
TOGETHER = "popularity"


def person_terms(
    inputs: Mapping[str, Artifact], approved: Artifact, profile_id: str, product_ids: Sequence[str], settings: Settings
) -> dict[str, dict[str, float]]:
    """The terms of parts' scores, each less its mean over the profile's candidates; their sum is the score less its mean.

    Args:
        inputs: hetero_graph, user_nodes and product_nodes that the scores were made from.
        approved: the record with the weights that serve.
        profile_id: of one of the graph's profiles.
        product_ids: candidates of the profile.
        settings: that the weights were fitted with.

    Returns:
        By part, the terms by name, the largest first: channels, the popularities as one, and towers where there are any.
    """
    known = inputs["hetero_graph"]
    past = snapshot(graph.load(known.path(GRAPH)), microseconds(known.as_of), settings.events)
    profile = known.table(PROFILES).filter(pc.field("profile_id") == profile_id)
    user_ids, all_parts = (
        inputs[name].table(own_file(name), columns=[column])[column].combine_chunks()
        for name, column in (("user_nodes", "user_id"), ("product_nodes", "product_id"))
    )
    users = np.array([pc.index(user_ids, profile["user_id"][0]).as_py()])
    candidates = eligible_candidates(past, users, settings)
    model = gated_model.load(approved.path(MODEL), settings.model)
    evidence = Evidence(past, model.settings)
    features, of_parts = evidence.features(users, candidates), model.of_parts(evidence.popularity)
    logarithms = model.log_evidence(features, of_parts, candidates.indices)
    added = scoring.weighted(model, logarithms, past.state[users], candidates).astype(np.float64)
    names = channel_names(model.settings)
    terms = {name: column for name, column in zip(names, added.T, strict=True) if name not in POPULARITY}
    terms[TOGETHER] = sum(added[:, names.index(name)] for name in POPULARITY)
    if TOWERS in approved.manifest.files and (vectors := residual.load(approved.path(TOWERS), settings).added(past, users)):
        terms["towers"] = scoring.dot_products(vectors, candidates).astype(np.float64)
    above = {name: column - column.mean() for name, column in terms.items()}
    of_parts_asked = {}
    for product_id in product_ids:
        entry = np.searchsorted(candidates.indices, pc.index(all_parts, product_id).as_py())
        of_part = {name: float(column[entry]) for name, column in above.items()}
        of_parts_asked[product_id] = dict(sorted(of_part.items(), key=lambda term: -term[1]))
    return of_parts_asked
