"""What a run needs for hours: rows and files as tables of the scratch dataset, which expire by themselves."""

import datetime as dt
import hashlib
import logging
import uuid
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core import exceptions
from google.cloud import bigquery

from recs_assets.resources.bigquery.jobs import REQUEST_SECONDS, Jobs
from recs_assets.resources.bigquery.types import arrow_columns
from recs_assets.resources.errors import AccessError, WarehouseError
from recs_assets.resources.store.artifact import ArtifactFile, TableFile, local_path
from recs_assets.resources.store.manifest import sha256_of

# A table that is there is used again only if it stays for so long, which is longer than a run takes.
NEEDED_FOR, KEPT_FOR = dt.timedelta(hours=8), dt.timedelta(days=1)

log = logging.getLogger(__name__)


class Scratch:
    """Tables of the scratch dataset."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._is_checked = False
        self._views = set[str]()

    def path(self, name: str) -> str:
        """A path that no other table has."""
        self._check()
        return f"{self._jobs.places.scratch}.{name}_{uuid.uuid4().hex[:16]}"

    def of_rows(self, name: str, rows: pa.Table) -> str:
        """The path of a new table of Arrow rows."""
        path = self.path(name)
        self._jobs.load(rows, path, columns=arrow_columns(rows.schema))
        return path

    def of_files(self, name: str, files: Sequence[TableFile]) -> str:
        """The path of a table of Parquet files, the same for the same content: it is loaded once, whoever asks for it.

        Files that lie in the bucket are read there, and not by this machine.

        Raises:
            StoreError: one of them is not there, or not what its manifest says.
        """
        self._check()
        hashes = [file.record.sha256 if isinstance(file, ArtifactFile) else sha256_of(file) for file in files]
        path = f"{self._jobs.places.scratch}.{name}_{hashlib.sha256(''.join(hashes).encode()).hexdigest()[:24]}"
        if not self._is_kept(path):
            self._load(files, path)
        return path

    def _load(self, files: Sequence[TableFile], path: str) -> None:
        stored = [file for file in files if isinstance(file, ArtifactFile)]
        uris = [uri for file in stored if (uri := file.uri)]
        if len(uris) == len(files):
            self._jobs.load(uris, path, columns=stored[0].record.columns or {})
            return
        rows = pa.concat_tables([pq.read_table(local_path(file)) for file in files])
        self._jobs.load(rows, path, columns=arrow_columns(rows.schema))

    def view(self, name: str, text: str) -> str:
        """The path of a view, the same for the same text."""
        self._check()
        path = f"{self._jobs.places.scratch}.view_{name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        if path not in self._views:
            view = bigquery.Table(path)
            view.view_query = text
            with self._jobs.told(f"the view {path}"):
                self._jobs.client.create_table(view, exists_ok=True, retry=self._jobs.retry, timeout=REQUEST_SECONDS)
            self._views.add(path)
        return path

    def drop(self, path: str) -> None:
        """Remove a table that nobody needs any more."""
        try:
            self._jobs.drop(path)
        except WarehouseError as error:
            # What was done with it is done, or failed for a reason of its own.
            log.warning("it expires by itself: %s", error)

    def _is_kept(self, path: str) -> bool:
        client, retry = self._jobs.client, self._jobs.retry
        with self._jobs.told(f"the table {path}"):
            try:
                table = client.get_table(path, retry=retry, timeout=REQUEST_SECONDS)
            except exceptions.NotFound:
                return False
            if table.expires is not None and table.expires < dt.datetime.now(dt.UTC) + NEEDED_FOR:
                table.expires = dt.datetime.now(dt.UTC) + KEPT_FOR
                client.update_table(table, ["expires"], retry=retry, timeout=REQUEST_SECONDS)
        return True

    def _check(self) -> None:
        """Refuse a dataset whose tables would stay: rows of people must not.

        Raises:
            AccessError: the dataset is not there, or its tables do not expire.
        """
        if self._is_checked:
            return
        name = self._jobs.places.scratch
        if not self._jobs.dataset(name).default_table_expiration_ms:
            raise AccessError(
                f"the tables of dataset {name} (RECS_BQ_SCRATCH) do not expire, and rows of people would stay in them: "
                f"bq update --default_table_expiration={int(KEPT_FOR.total_seconds())} {name}"
            )
        self._is_checked = True
