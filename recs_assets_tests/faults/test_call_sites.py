"""No write without a fault point: read off the source, call by call."""

import ast
from pathlib import Path

import recs_assets

ROOT = Path(recs_assets.__file__).parent
# Calls that write, by their last word. SQL writes by the words it starts with, a statement in a file where it is named.
WRITES = {
    "replace": 1,  # Path.replace(target); str.replace takes two
    "rename": 1,
    "fsync": 1,
    "ftruncate": 2,
    "rmtree": 1,
    "unlink": 0,
    "mkdtemp": 0,
    "write_text": 1,
    "write_bytes": 1,
    "write_table": 1,
    "copyfile": 2,
    "copyfileobj": 2,
    "create": 2,  # a table of the ledger
    "drop": 1,
    "add_columns": 2,
    "save": 2,
    "to_parquet": 1,
    # Of a bucket's objects.
    "send": 2,
    "swapped": 3,
    "removed": 1,
    "marked": 3,
}
SQL_WRITES = ("CREATE OR REPLACE TABLE {OWN_TABLES}", "CREATE TABLE", "INSERT", "DELETE", "DROP TABLE", "UPDATE", "COMMIT")
# A write may have its point in another function that always comes before or after it, or need none.
ELSEWHERE = {
    "duckdb/ledger.transaction: execute": "its callers have a point before its end and one after",
    "duckdb/session.mount: execute": "writes to the session's memory, not to a file",
    "erasing.erase: run": "erase.deleted after it",
    "erasing.erase_assignments: run": "erase.noted after it",
    "erasing._note: run": "erase.deleted before it, erase.noted after it",
    "holding.note: run": "one row, in its caller's transaction",
    "swapping.make_way: create": "nothing else is written before publish.begun or restore.begun",
    "warehouse.note_rollout: run": "one row, in a transaction of its own",
    "upkeep.forget_runs: unlink": "emptied files of runs that are deleted; what is left of them goes the next night",
    "warehouse.bring_up: add_columns": "each by itself; what is killed on the way adds those that are lacking still",
    "swapping._swap_wide: run": "publish.begun before it, publish.mailed after it",
    "store/scratch._sweep: rmtree": "removes what nobody owns; scratch.made comes after it",
    "store/bucket._keep: send": "checkpoint.renamed before it, checkpoint.pruned after it; an object is whole or not there",
    "store/bucket._keep: removed": "the same",
    "store/bucket.claim: marked": "one request; store.described before it, store.pointer after it",
    "store/bucket.fetch: replace": "a reader's copy, on its own machine",
    "store/bucket.read_on: unlink": "the same",
    "store/bucket.remove: marked": "one request, after which nothing has gone; prune.begun comes after it",
    "store/bucket.remove_work: removed": "a training that nobody will finish, after prune.emptied and before prune.dropped",
    "store/bucket.remove_work: rmtree": "the same",
    "store/bucket.renew: swapped": "one request; store.pointed before it",
    "store/bucket.unpoint: removed": "a home that is brought up, which begins again; there is none in a bucket",
    "store/folder.remove_work: rmtree": "a training that nobody will finish, after prune.emptied and before prune.dropped",
    "store/folder.unpoint: unlink": "a home that is brought up, which begins again where it was killed",
    "store/folder._flush: fsync": "store.manifest before it, store.flushed after it",
    "towers/residual.save: save": "draft.path before it, draft.written after it",
    "write_vectors.write_vectors: write_table": "draft.path before it, draft.written after it",
    "write_vectors.write_vectors: ParquetWriter": "the same",
    "towers/training.fit_towers: save": "saves through Checkpoints.save, which has the points",
    "checkpoints.clear: unlink": "removes what a training that has ended does not need",
    "bigquery/jobs._parquet: write_table": "rows in memory, on their way to the scratch dataset",
    "bigquery/ledger.temporary: drop": "of the scratch dataset, whose tables expire",
    "bigquery/session.close: drop": "the same",
    "bigquery/ledger.drop: drop": "called by prune and stage, which have points before and after",
    "bigquery/session.stage: drop": "stage.noted before it, stage.made after it",
    "bigquery/scratch.drop: drop": "of the scratch dataset, whose tables expire",
    "channels/gated_model.save: save": "draft.path before it, draft.written after it",
    "graph.save: save": "draft.path before it, draft.written after it",
}
OF_A_DRAFT = {"new.path", "new.write_table", "new.write_tables", "new.write_document"}
FOLDERS = ("resources", "assets", "steps", "gnn")


def word(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def is_write(call: ast.Call) -> bool:
    name = word(call)
    if name in WRITES:
        n_arguments = len(call.args)
        return n_arguments == 1 and not call.keywords if name == "replace" else n_arguments >= WRITES[name]
    if name == "ParquetWriter":
        return True
    if name == "open":
        return any(isinstance(node, ast.Constant) and str(node.value)[:1] in "wax" for node in call.args[-1:])
    if name == "run" and call.args:
        return ast.unparse(call.func) == "ledger.run"
    if name == "execute" and call.args:
        text = ast.unparse(call.args[0]).lstrip("f'\"")
        return text.startswith(SQL_WRITES)
    return False


def is_point(call: ast.Call) -> bool:
    """Whether a call names a fault point, itself or by asking a draft where to write."""
    return word(call) == "reached" or ast.unparse(call.func) in OF_A_DRAFT


def writes_of(function: ast.FunctionDef) -> dict[str, bool]:
    """Every kind of write in a function, and whether a point comes right before or right after each write of it."""
    calls = [call for call in ast.walk(function) if isinstance(call, ast.Call) and (is_point(call) or is_write(call))]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    is_beside: dict[str, bool] = {}
    for number, call in enumerate(calls):
        if not is_point(call):
            beside = calls[max(0, number - 1) : number] + calls[number + 1 : number + 2]
            is_beside[word(call)] = is_beside.get(word(call), True) and any(map(is_point, beside))
    return is_beside


def all_writes() -> dict[str, bool]:
    """The writes of every function of the folders that write, and whether they have their points."""
    calls = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef):
                    calls |= {
                        f"{path.relative_to(ROOT / folder).with_suffix('').as_posix()}.{function.name}: {name}": has
                        for name, has in writes_of(function).items()
                    }
    return calls


def test_every_write_has_a_point_beside_it_or_a_reason() -> None:
    assert {name for name, has_point in all_writes().items() if not has_point} == set(ELSEWHERE)


def test_the_criterion_sees_the_writes_there_are() -> None:
    assert {name for name, has_point in all_writes().items() if has_point} >= {
        "store/artifact.write_document: write_text",
        "store/artifact.write_tables: write_table",
        "checkpoints.save: save",
        "checkpoints.save: unlink",
        "duckdb/warehouse._attached: create",
        "duckdb/session.stage: execute",
        "ledger.note_staged: run",
        "swapping.swap: run",
        "store/scratch.scratch: mkdtemp",
        "store/scratch.scratch: rmtree",
        "store/store._commit: write_bytes",
        "store/folder.put: rename",
        "store/folder.point: replace",
        "warehouse.append: run",
        "warehouse.export: ParquetWriter",
    }


def test_a_point_elsewhere_in_a_function_is_no_excuse() -> None:
    function = ast.parse("def save(a, b, c):\n    reached('x')\n    a.unlink()\n    b.rename(c)\n    b.rmtree(c)\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert writes_of(function) == {"unlink": True, "rename": False, "rmtree": False}
