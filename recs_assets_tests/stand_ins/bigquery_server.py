"""BigQuery's stand-in: bqemulator, and of BigQuery's ways those that production relies on and bqemulator leaves out.

Run by the stand-ins' own Python, with the arguments of ``bqemulator``. It adds: transactions of a session, each seeing what was
committed before it began, of which the second that changes what another has changed is aborted; ``BQ.ABORT_SESSION``; 409 for a
second job of one id; the labels of query jobs; columns of Parquet by their names; results of queries that the Storage API can
read; a connection of its own for each thread, since a reader must not see what a transaction has not committed.

What it cannot show of BigQuery: which partitions a query reads and what it is billed; that a transaction is aborted for a table
that another one has changed (here: for its rows); rights, quotas, the expiry of tables; the wording of its errors.
"""

import contextlib
import re
import threading
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

import sqlglot
from bqemulator import cli
from bqemulator.api.routes import jobs as routes
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import AlreadyExistsError, InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.storage.engine import DuckDBEngine

ANONYMOUS_RESULT = re.compile(r'^SELECT (?P<columns>.*) FROM "[^"]*___bqemu_anonymous"\."anon(?P<job>\w+)"$')
ABORT_SESSION = "CALL BQ.ABORT_SESSION()"

# What depends on a text alone, and parses it each time.
OF_TEXT_ALONE = {"rewrite_table_refs", "classify_statement_type", "_parse_script_or_raise"}

session_of_request: ContextVar[str | None] = ContextVar("session_of_request", default=None)
cursors: dict[str, Any] = {}
of_thread = threading.local()


def _connection(engine: DuckDBEngine) -> Any:
    session = session_of_request.get()
    if session in cursors:
        return cursors[session]
    if threading.current_thread() is threading.main_thread():
        return engine._connection
    if getattr(of_thread, "cursor", None) is None:
        of_thread.cursor = _cursor(engine)
    return of_thread.cursor


def _cursor(engine: DuckDBEngine) -> Any:
    cursor = engine._connection.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    return cursor


def _fetch_arrow(engine: DuckDBEngine, sql: str, parameters: list[Any] | None = None) -> Any:
    anonymous = ANONYMOUS_RESULT.match(sql)
    results = {job.replace("-", ""): table for job, table in list(executor.JOB_RESULTS.items())} if anonymous else {}
    if anonymous and anonymous["job"] in results:
        table = results[anonymous["job"]]
        return table if anonymous["columns"] == "*" else table.select(re.findall(r'"([^"]+)"', anonymous["columns"]))
    return fetch_arrow(engine, sql, parameters)


def _end(session: str) -> None:
    routes._SESSION_CATALOG.discard(session)
    if (cursor := cursors.pop(session, None)) is not None:
        with contextlib.suppress(Exception):  # there may be no transaction
            cursor.execute("ROLLBACK")
        cursor.close()


async def _handle_query_job(project_id: str, job_id: str, config: dict[str, Any], *, dry_run: bool, ctx: Any, **rest: Any) -> Any:
    _refuse_known(project_id, job_id, ctx)
    query = config["query"]
    token = session_of_request.set(
        next((item["value"] for item in query.get("connectionProperties", []) if item["key"] == "session_id"), None)
    )
    try:
        if query.get("query") == ABORT_SESSION:
            _end(session_of_request.get() or "")
            config["query"] = {"query": "SELECT 1 AS ended"}
        if query.get("createSession"):
            session = routes._mint_session_id()
            cursors[session] = _cursor(ctx.engine)
            config["query"] = {name: value for name, value in query.items() if name != "createSession"}
            session_of_request.set(session)
        done = await handle_query_job(project_id, job_id, config, dry_run=dry_run, ctx=ctx, **rest)
        if isinstance(done, JobMeta):
            routes._attach_session_info(done.statistics, session_of_request.get())
            done = done.model_copy(update={"configuration": done.configuration | {"labels": config.get("labels", {})}})
        return done
    finally:
        session_of_request.reset(token)


async def _handle_load_job(project_id: str, job_id: str, config: dict[str, Any], ctx: Any) -> Any:
    _refuse_known(project_id, job_id, ctx)
    return await handle_load_job(project_id, job_id, config, ctx)


def _refuse_known(project_id: str, job_id: str, ctx: Any) -> None:
    if ctx.catalog.get_job(project_id, job_id) is not None:
        raise AlreadyExistsError(f"Already Exists: Job {project_id}:{job_id}")


def _load_parquet(path: str, target_ref: str, ctx: Any) -> None:
    ctx.engine.execute(f"INSERT INTO {target_ref} BY NAME SELECT * FROM read_parquet(?, hive_partitioning = false)", [path])


async def _no_snapshots(*_: Any) -> None:
    """Time travel copies a table for each statement that changes it, and what is rolled back would stay in its records."""


def _translated(error: Exception, **rest: Any) -> Exception:
    if "onflict" in str(error):
        return InvalidQueryError(f"Transaction is aborted due to concurrent update against table: {error}")
    return translate(error, **rest)


async def _translated_once(sql: str, **rest: Any) -> str:
    # A dry run and the run after it; to translate a long text takes seconds.
    if sql not in translations:
        translations[sql] = await translate_statement(sql, **rest)
    return translations[sql]


def _parse_one(sql: str, **options: Any) -> Any:
    # A dozen of bqemulator's steps parse a text for themselves, and some change what they get.
    return parsed(sql, *options.items()).copy()


@lru_cache(maxsize=500)
def parsed(sql: str, *options: tuple[str, Any]) -> Any:
    """The tree of a text, which nobody may change."""
    return parse_one(sql, **dict(options))


def _apply_session_pragmas(engine: DuckDBEngine) -> None:
    apply_session_pragmas(engine)
    # Of no rows DuckDB 1.5 takes the first one for a row of NULLs: QUALIFY ROW_NUMBER() OVER (ORDER BY x) = 1.
    engine._connection.execute("SET GLOBAL disabled_optimizers = 'top_n_window_elimination'")


translations: dict[str, str] = {}
parse_one, sqlglot.parse_one = sqlglot.parse_one, _parse_one
translate_statement, apply_session_pragmas = executor.rewrite_and_translate_statement, DuckDBEngine._apply_session_pragmas
executor.rewrite_and_translate_statement = _translated_once
for module in (executor, ddl_sync):
    for name in [name for name in vars(module) if name.startswith("_detect_") or name in OF_TEXT_ALONE]:
        setattr(module, name, cache(getattr(module, name)))
DuckDBEngine._apply_session_pragmas = _apply_session_pragmas
fetch_arrow, translate = DuckDBEngine.fetch_arrow, executor.translate_runtime_error
handle_query_job, handle_load_job = routes._handle_query_job, routes._handle_load_job_with_async_envelope
DuckDBEngine.connection = property(_connection)
DuckDBEngine.fetch_arrow = _fetch_arrow
routes._handle_query_job = _handle_query_job
routes._handle_load_job_with_async_envelope = _handle_load_job
executor._capture_dml_snapshots = _no_snapshots
executor._LOAD_FORMAT_HANDLERS["PARQUET"] = _load_parquet
executor.translate_runtime_error = _translated

if __name__ == "__main__":
    cli.main()
