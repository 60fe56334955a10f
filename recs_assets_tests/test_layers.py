"""Imports go down only, and what is heavy is loaded where it is used: read off the source, module by module."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import csgraph

import recs_assets

ROOT = Path(recs_assets.__file__).parent
DAGSTER = ("dagster", "dagster_gcp", "dagster_k8s")
TORCH = ("torch", "torch_geometric")
COMMANDS = (
    "__main__",
    "arguments",
    "definitions",
    "expectations",
    "schedules",
    "launch",
    "rollback",
    "rollback_job",
    "move_rollout",
    "searching",
    "serve",
    "watch",
    "run_origin",
    "console",
    "experiments",
)
ABOVE_STEPS = (*COMMANDS, "assets", "report", "targets", "partitions")
# What a layer may not import, by layer: definitions, jobs and commands -> assets -> report -> steps -> gnn, ranking, resources,
# gates.
FORBIDDEN = {
    layer: (
        *DAGSTER,
        *(TORCH if layer not in {"steps", "gnn"} else ()),
        *(f"recs_assets.{name}" for name in (*ABOVE_STEPS, *above)),
    )
    for layer, above in {
        "steps": ("demo",),
        "gnn": ("steps", "resources", "gates", "demo"),
        "ranking": ("steps", "resources", "gates", "gnn", "demo"),
        "gates": ("steps", "resources", "gnn", "demo"),
        "resources": ("steps", "gates", "gnn", "ranking", "demo"),
        "rollout": ("steps", "resources", "gnn", "demo"),
        "demo": ("steps", "resources", "gates", "gnn", "ranking"),
    }.items()
}
FORBIDDEN |= {
    "assets": tuple(f"recs_assets.{name}" for name in COMMANDS),
    "report": tuple(f"recs_assets.{name}" for name in (*COMMANDS, "assets")),
}
# Assets import steps inside their bodies, and experiments are commands of their own: all else outside gnn/ loads within moments.
LATE = ("recs_assets.steps", "recs_assets.experiments")


def _name(path: Path) -> str:
    return ".".join(("recs_assets", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {_name(path): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def _imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports anywhere, functions included; ``from a import b`` gives ``a.b``, which may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _at_run(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it is loaded or when its functions run: nothing of what stands under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if not _is_for_types(node):
            yield from _imports(ast.Module([node], [])) if isinstance(node, ast.Import | ast.ImportFrom) else _at_run(node)


def _at_load(tree: ast.AST) -> Iterator[str]:
    """What a module imports when it is loaded itself: nothing of what stands in a function or under TYPE_CHECKING."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if _is_for_types(node):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(ast.Module([node], []))
        else:
            yield from _at_load(node)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _within(name: str, packages: tuple[str, ...] | set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _of_layer(layer: str) -> dict[str, ast.Module]:
    return {name: tree for name, tree in MODULES.items() if _within(name, {f"recs_assets.{layer}"})}


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_imports_go_down_only(layer: str) -> None:
    modules = _of_layer(layer)
    assert len(modules) > 3, "the layer is where this test looks"
    upward = {(name, used) for name, tree in modules.items() for used in _imports(tree) if _within(used, FORBIDDEN[layer])}
    assert upward == set()


def _circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Modules that lead back to themselves: the strongly connected components of more than one module."""
    names = sorted(imports)
    edges = np.array([[used in imports[user] for used in names] for user in names])
    _, component = csgraph.connected_components(sparse.csr_array(edges), connection="strong")
    groups = [[name for name, own in zip(names, component, strict=True) if own == group] for group in np.unique(component)]
    return [group for group in groups if len(group) > 1]


def test_circles_are_seen() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert _circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_and_no_package_leads_back_to_itself() -> None:
    # What is imported of a module is a name in it, or a module in its package.
    imports = {
        name: {module for used in _at_run(tree) for module in (used, used.rpartition(".")[0]) if module in MODULES} - {name}
        for name, tree in MODULES.items()
    }
    assert "recs_assets.gnn.snapshots" in imports["recs_assets.gnn.candidates"]
    assert _circles(imports) == []
    packages: dict[str, set[str]] = {_package(name): set() for name in MODULES}
    for name, used in imports.items():
        packages[_package(name)] |= {_package(module) for module in used} - {_package(name)}
    assert "recs_assets.steps" in packages["recs_assets.assets"]
    assert _circles(packages) == []


def _package(module: str) -> str:
    """What lies directly in ``recs_assets``: a package, or a module by itself."""
    return ".".join(module.split(".")[:2])


def test_the_towers_could_be_taken_away() -> None:
    towers = {"recs_assets.gnn.towers"}
    users = {name for name, tree in MODULES.items() if any(_within(used, towers) for used in _imports(tree))}
    allowed = (*towers, "recs_assets.gnn.scoring", "recs_assets.gnn.weekly_fit", "recs_assets.steps", "recs_assets.experiments")
    assert {name for name in users if not _within(name, allowed)} == set()


def test_what_is_true_of_the_demo_world_is_read_for_reports_in_a_terminal_alone() -> None:
    outside = {name: tree for name, tree in MODULES.items() if not _within(name, ("recs_assets.demo", "recs_assets.experiments"))}
    readers = {name for name, tree in outside.items() if any(_within(used, ("recs_assets.demo",)) for used in _imports(tree))}
    assert readers == {"recs_assets.report.yardsticks"}
    users = {name for name, tree in MODULES.items() if any(_within(used, readers) for used in _imports(tree))}
    assert users == {"recs_assets.__main__"}


def test_torch_is_loaded_by_the_model_and_by_what_assets_load_late() -> None:
    loads = {name for name, tree in MODULES.items() if any(_within(used, TORCH) for used in _at_load(tree))}
    assert "recs_assets.gnn.graph" in loads
    assert {name for name in loads if not _within(name, ("recs_assets.gnn", *LATE))} == set()


def test_steps_are_loaded_inside_functions_or_by_each_other() -> None:
    loading = {(name, used) for name, tree in MODULES.items() for used in _at_load(tree) if _within(used, LATE)}
    assert loading
    assert {(name, used) for name, used in loading if not _within(name, LATE)} == set()


def test_everything_is_imported_by_its_whole_name() -> None:
    relative = [
        (name, node.lineno)
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_packages_are_empty_files() -> None:
    assert [path.parent.name for path in ROOT.rglob("__init__.py") if path.read_text()] == []


def test_the_definitions_load_without_anything_heavy() -> None:
    code = "import sys, recs_assets.definitions; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    modules = set(loaded.stdout.split())
    assert "recs_assets.assets.training" in modules
    assert modules & {"torch", "torch_geometric", "pandas", "scipy", "google.cloud"} == set()
