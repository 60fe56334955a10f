"""What two columns of targets have made of one world, side by side: rows, verdicts, hashes, files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from recs_assets.asset_files import RELEASE_REPORT, STAGED
from recs_assets.own_tables import RECOMMENDATIONS, wide_columns
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.store.store import Store
from recs_assets_tests.warehouse_reader import reading

Rows = list[tuple[Any, ...]]
# Names of its run's tables, and its seconds and dollars, are a run's own.
OF_ITS_RUN = {STAGED, RELEASE_REPORT}
# A query in what both engines read, with the tables of our own by their bare names.
Reader = Callable[[str], Rows]

OF_THE_RUN = {"run_id", "scored_at", "generated_at"}
QUERIES: Mapping[str, str] = {
    "lists": f"SELECT {', '.join(name for name in RECOMMENDATIONS if name not in OF_THE_RUN)} FROM recommendations",
    "mail": f"SELECT {', '.join(name for name in wide_columns(4) if name not in OF_THE_RUN)} FROM final_vehicle_recommendations",
    "verdicts": "SELECT gate, week, decision, reason, figures_json FROM verdicts WHERE gate NOT LIKE 'budget%'",
    "audits": "SELECT week, decision, content_hash, mail_hash, n_rows, n_users, violations_json FROM audits",
    "publications": "SELECT sequence, week, action, content_hash, mail_hash, n_rows, n_users, n_mailed FROM publications",
    "quarantine": "SELECT week, source_table, reason, outcome, row_key, row_json FROM quarantine",
}


@dataclass(frozen=True)
class Line:
    """One thing that was compared: how many rows or files of it there are, and the first difference, if any."""

    what: str
    n: int
    difference: str | None

    def __str__(self) -> str:
        """As a line of the table that is printed."""
        return f"  {self.what:<14} {self.n:>8,}   {self.difference or 'the same'}"


def of_bigquery(places: Places) -> Reader:
    """A client of one's own."""
    config = bigquery.QueryJobConfig(default_dataset=places.tables)
    return lambda text: [tuple(row) for row in places.client.query(text, job_config=config).result(timeout=60)]


def of_duckdb(file: Path) -> Reader:
    """The warehouse file, for a moment."""

    def read(text: str) -> Rows:
        with reading(file) as connection:
            return connection.execute(text).fetchall()

    return read


def compared_rows(one: Reader, other: Reader, names: Sequence[str] = tuple(QUERIES)) -> list[Line]:
    """The rows of the tables that runs write, without what tells one run from another."""
    return [_of_rows(name, *(sorted(read(QUERIES[name]), key=repr) for read in (one, other))) for name in names]


def _of_rows(name: str, rows: Rows, others: Rows) -> Line:
    if len(rows) != len(others):
        return Line(name, len(rows), f"{len(others):,} rows in the other column")
    pairs = ((row, other) for row, other in zip(rows, others, strict=True) if repr(row) != repr(other))
    return Line(name, len(rows), next((f"{row} and {other}" for row, other in pairs), None))


def compared_files(store: Store, other: Store, weeks: Sequence[str]) -> Line:
    """The hashes of all files of the current versions of some weeks."""
    hashes, others = (
        {
            f"{asset}/{week}/{name}": record.sha256
            for asset in at.location.names()
            for week in weeks
            if (artifact := at.find(asset, week))
            for name, record in artifact.manifest.files.items()
            if name not in OF_ITS_RUN
        }
        for at in (store, other)
    )
    differing = sorted(name for name in hashes.keys() | others.keys() if hashes.get(name) != others.get(name))
    told = f"{len(differing)} differ: {', '.join(differing[:8])}" if differing else None
    return Line("files", len(hashes), told)
