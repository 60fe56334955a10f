"""Everybody's lists beside the served table, before anybody has audited them: what they are made from, and what is staged."""

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from recs_assets import targets
from recs_assets.approved_models import newest_approved
from recs_assets.asset_files import ARMS, FITS_EDGES, LIST_INPUTS, PRODUCT_NODES, SQL_SCORES
from recs_assets.resources.store.artifact import Artifact, ArtifactFile
from recs_assets.resources.store.lineage import check_related, export_tables, inputs_of, profile_tables
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Warehouse
from recs_assets.rollout.arms import CONTROL
from recs_assets.settings import Settings

log = logging.getLogger(__name__)

SQL = "sql"


@dataclass(frozen=True)
class Ingredients:
    """What the lists of a week are made from: the artifacts of ``LIST_INPUTS``, and the record of what may be served."""

    inputs: Mapping[str, Artifact]
    approved: Artifact

    @property
    def artifacts(self) -> list[Artifact]:
        """All of them."""
        return [*self.inputs.values(), self.approved]

    @property
    def as_of(self) -> dt.datetime:
        """What the lists may know."""
        return self.inputs["hetero_graph"].as_of

    @property
    def has_fitment(self) -> bool:
        """Whether the store knows what fits what."""
        return self.inputs["fits_edges"].n_rows(FITS_EDGES) > 0

    @property
    def served(self) -> Mapping[str, Any]:
        """What serves this time, as the record allows and the settings of the scores fit it."""
        return self.inputs["user_scores"].facts

    @property
    def arms(self) -> list[str]:
        """Those that people are in tonight; ``all`` until a rollout begins."""
        arms: list[str] = self.inputs["rollout_assignment"].table(ARMS)["arm"].unique().to_pylist()
        return sorted(arms)

    @property
    def source(self) -> str:
        """What serves those who may be served the best there is: SQL where everybody is in control."""
        source: str = self.served["source"]
        return SQL if self.arms == [CONTROL] else source

    @property
    def model_week(self) -> dt.date | None:
        """The week of the model that is served; ``None`` on a fallback."""
        week = self.served["model_week"]
        return dt.date.fromisoformat(week) if week else None

    def tables(self, profile_lists: Path | ArtifactFile) -> dict[str, Mount]:
        """What lists are expanded from and audited against: the exports, the profiles, SQL's scores, the profiles' lists."""
        files = {
            "sql_scores": [self.inputs["sql_scores"].file(SQL_SCORES)],
            "arms": [self.inputs["rollout_assignment"].file(ARMS)],
            "profile_recommendations": [profile_lists],
        }
        return {**export_tables(self.inputs), **profile_tables(self.inputs["hetero_graph"]), **files}


def ingredients_of(store: Store, week: str, run_id: str) -> Ingredients:
    """What a run makes the lists of a week from.

    Raises:
        StoreError: one of them is not there, or they do not go together.
    """
    approved, inputs = newest_approved(store, week), inputs_of(store, week, run_id, LIST_INPUTS)
    check_related(inputs | {"approved_model": approved})
    return Ingredients(inputs, approved)


def lists_of_arms(ingredients: Ingredients, settings: Settings) -> Iterator[pa.Table]:
    """Every profile's list for each arm that there is: control gets SQL's, all others what may be served."""
    from recs_assets.steps.rank_lists import profile_recommendations  # torch and pandas: 5 s at load

    for arm in ingredients.arms:
        source, alpha = (SQL, None) if arm == CONTROL else (ingredients.served["source"], ingredients.served["alpha"])
        for lists in profile_recommendations(ingredients.inputs, source=source, alpha=alpha, settings=settings):
            yield lists.append_column("arm", pa.array([arm] * lists.num_rows, pa.string()))


@dataclass(frozen=True)
class StagedTables:
    """The names of the staged tables of one run and the id of their audit."""

    audit_id: str
    long_table: str
    wide_table: str

    @staticmethod
    def of_run(run_id: str, week: dt.date) -> "StagedTables":
        """Names that no other run and week uses."""
        suffix = f"{week:%Y%m%d}_{run_id.replace('-', '')[:12]}"
        return StagedTables(f"audit_{suffix}", f"staged_recommendations_{suffix}", f"staged_wide_{suffix}")


@dataclass(frozen=True)
class Staged:
    """What one run has staged: how many rows and people the lists have, and the hashes of the lists and of the mail."""

    tables: StagedTables
    n_rows: int
    n_users: int
    content_hash: str
    mail_hash: str

    def document(self) -> dict[str, Any]:
        """The record that publishing reads, all on one level."""
        values = asdict(self)
        names: dict[str, Any] = values.pop("tables")
        return names | values


def stage(
    warehouse: Warehouse, ingredients: Ingredients, profile_lists: Path, settings: Settings, *, week: dt.date, run_id: str
) -> Staged:
    """Write both tables of a run beside the served ones: the lists of all people, and the mail made from them.

    Consent is that of this moment, whatever the week.
    """
    names, now, tables = StagedTables.of_run(run_id, week), dt.datetime.now(dt.UTC), ingredients.tables(profile_lists)
    shape: dict[str, Any] = {"slots": settings.rules.slots, "columns": settings.mail.columns}
    with warehouse.session(tables) as session:
        rows = session.stage(
            names.long_table,
            "recommendations",
            week=week,
            model_week=ingredients.model_week,
            run_id=run_id,
            scored_at=now,
        )
    log.info("%s rows of lists are staged", f"{rows:,}")
    links = {"product_links": _product_links(ingredients, settings.mail.link)} if settings.mail.link else {}
    with warehouse.session({**tables, **links, "staged": names.long_table}) as session:
        session.materialize("mail_addresses", "mail_addresses", now=now, **settings.mail.parameters)
        rows = session.stage(
            names.wide_table,
            "final_vehicle_recommendations",
            week=week,
            as_of=ingredients.as_of,
            **shape,
            generated_at=now,
            pipeline_version=f"recs_assets {targets.installed_version()}",
        )
    if (unlike := warehouse.unlike_served(names.wide_table)) is not None:
        log.warning("week %s cannot be published as it is: %s", week, unlike)
    log.info("%s mails are staged; the audit begins", f"{rows:,}")
    with warehouse.session({"staged": names.long_table, "mail": names.wide_table}) as session:
        content: dict[str, Any] = session.audit("content_hash", week=week) | session.audit("mail_hash", **shape)
    return Staged(names, **content)


def _product_links(ingredients: Ingredients, address: str) -> pa.Table:
    """Columns product_id and link, its page: ids as an address writes them."""
    ids = ingredients.inputs["product_nodes"].table(PRODUCT_NODES, columns=["product_id"])["product_id"]
    links = [address.replace("{product_id}", quote(product_id, safe="")) for product_id in ids.to_pylist()]
    return pa.table({"product_id": ids, "link": pa.array(links, pa.string())})
