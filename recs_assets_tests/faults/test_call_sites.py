"""No write without a fault point: read off the source, function by function."""

import ast
from pathlib import Path

import recs_assets

ROOT = Path(recs_assets.__file__).parent
# Calls that write, by their last word. SQL writes by the words it starts with.
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
    "save": 2,
    "to_parquet": 1,
}
SQL_WRITES = ("CREATE OR REPLACE TABLE {OWN_TABLES}", "CREATE TABLE", "INSERT", "DELETE", "DROP TABLE", "UPDATE", "COMMIT")
# A write of one function may have its point in another that always calls it, or need none.
ELSEWHERE = {
    "duckdb_ledger.insert": "called by Warehouse.append alone, which has points before and after",
    "duckdb_ledger.transaction": "its callers have a point before its end and one after",
    "duckdb_warehouse.mount": "writes to the session's memory, not to a file",
    "ledger.prune": "publish.committed before it, publish.pruned after it",
    "publishing._swap_wide": "publish.begun before it, publish.mailed after it",
    "scratch._sweep": "removes what nobody owns; scratch.made comes after it",
    "store._flush": "store.manifest before it, store.flushed after it",
    "artifact._local_copy": "a reader's copy of a remote file, in its own temporary folder",
    "residual.save": "draft.path before it, draft.written after it",
    "vectors.write_vectors": "draft.path before it, draft.written after it",
    "tower_training.fit_towers": "saves through Checkpoints.save, which has the points",
    "checkpoints.clear": "removes what a training that has ended does not need",
    "model.save": "draft.path before it, draft.written after it",
    "graph.save": "draft.path before it, draft.written after it",
}
FOLDERS = ("resources", "assets", "gnn")


def is_write(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    if name in WRITES:
        n_arguments = len(call.args)
        return n_arguments == 1 and not call.keywords if name == "replace" else n_arguments >= WRITES[name]
    if name == "ParquetWriter":
        return True
    if name == "open":
        return any(isinstance(node, ast.Constant) and str(node.value)[:1] in "wax" for node in call.args[-1:])
    if name in {"run", "execute"} and call.args:
        text = ast.unparse(call.args[0]).lstrip("f'\"")
        return text.startswith(SQL_WRITES)
    return False


def reaches(node: ast.AST) -> bool:
    """Whether a function names a fault point, itself or by asking a draft where to write."""
    return any(
        isinstance(call, ast.Call)
        and (
            (isinstance(call.func, ast.Name) and call.func.id == "reached")
            or (isinstance(call.func, ast.Attribute) and ast.unparse(call.func) in {"new.path", "new.write_table"})
        )
        for call in ast.walk(node)
    )


def functions_that_write() -> dict[str, bool]:
    """Every function with a write in it, and whether it reaches a point."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and any(
                    isinstance(call, ast.Call) and is_write(call) for call in ast.walk(function)
                ):
                    found[f"{path.stem}.{function.name}"] = reaches(function)
    return found


def test_every_function_that_writes_has_a_point_or_a_reason() -> None:
    found = functions_that_write()
    assert {name for name, has_point in found.items() if not has_point} == set(ELSEWHERE)


def test_the_criterion_sees_the_writes_there_are() -> None:
    found = functions_that_write()
    assert {name for name, has_point in found.items() if has_point} >= {
        "artifact.write_document",
        "artifact.write_table",
        "duckdb_warehouse._attached",
        "duckdb_warehouse.stage",
        "publishing.swap",
        "scratch.scratch",
        "store._commit",
        "store._move_folder",
        "store._replace",
        "warehouse.append",
        "warehouse.export",
    }
