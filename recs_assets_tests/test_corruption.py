"""Nothing damaged is used: every kind of artifact, damaged in every way, is refused by name; and no pickle ever runs."""

import ast
import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import recs_assets
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.manifest import Manifest
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK, Place

FILES = [
    "ab_results/verdict.json",
    "approved_model/model.pt",
    "approved_model/record.json",
    "approved_model/towers.pt",
    "co_purchase_edges/co_purchase_edges.parquet",
    "fits_edges/fits_edges.parquet",
    "hetero_graph/coverage.json",
    "hetero_graph/graph.pt",
    "hetero_graph/profile_vehicles.parquet",
    "hetero_graph/profiles.parquet",
    "hetero_graph/user_profiles.parquet",
    "interaction_edges/interaction_edges.parquet",
    "interaction_edges/other_orders.parquet",
    "interaction_edges/shared_accounts.parquet",
    "mail_events/mail_events.parquet",
    "offline_metrics/alpha_curve.parquet",
    "offline_metrics/ceiling.parquet",
    "offline_metrics/evidence.parquet",
    "offline_metrics/metrics.parquet",
    "offline_metrics/metrics_by_relevance.parquet",
    "offline_metrics/per_user.parquet",
    "offline_metrics/per_user_by_relevance.parquet",
    "offline_metrics/slices.parquet",
    "offline_metrics/verdict.json",
    "owns_edges/owns_edges.parquet",
    "product_nodes/product_nodes.parquet",
    "product_similarities/product_similarities.parquet",
    "raw_email_events/profile.json",
    "raw_events/profile.json",
    "raw_fitment/profile.json",
    "raw_ownership/profile.json",
    "raw_products/profile.json",
    "raw_users/profile.json",
    "raw_vehicles/profile.json",
    "recommendations/profile_recommendations.parquet",
    "recommendations/staged.json",
    "release_report/release_report.html",
    "rollout_assignment/arms.parquet",
    "rollout_stage/stage.json",
    "sql_scores/sql_scores.parquet",
    "trained_model/curve.parquet",
    "trained_model/model.pt",
    "trained_model/product_vectors.parquet",
    "trained_model/residual.json",
    "trained_model/towers.pt",
    "trained_model/towers_curve.parquet",
    "trained_model/user_vectors.parquet",
    "trained_model/validation_model.pt",
    "trained_model/weights.json",
    "user_nodes/user_nodes.parquet",
    "user_scores/user_scores.parquet",
    "vehicle_nodes/vehicle_ids.parquet",
    "vehicle_nodes/vehicle_nodes.parquet",
]
ASSETS = sorted({name.partition("/")[0] for name in FILES})


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_another_schema(path: Path) -> None:
    if path.suffix == ".json":
        path.write_text('{"of": "another schema"}')
    else:
        pq.write_table(pa.table({"of": ["another schema"]}), path)


DAMAGES = [truncated, bit_flipped, emptied, of_another_schema]


Copied = Callable[[str], Place]


@pytest.fixture
def copied(first_run: Run, tmp_path: Path) -> Copied:
    """Makes a place that holds a copy of one asset, to be damaged."""

    def copy(asset: str) -> Place:
        shutil.copytree(first_run.place.home / "store" / asset, tmp_path / "home" / "store" / asset)
        return Place(first_run.place.source, tmp_path / "home")

    return copy


def test_these_are_all_files_that_a_run_leaves(first_run: Run) -> None:
    root = first_run.place.home / "store"
    left = {f"{path.parts[-4]}/{path.name}" for path in root.glob("*/*/*/*") if path.name != "manifest.json"}
    assert left == set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_refused_by_its_path_with_both_hashes_and_the_way_out(copied: Copied, file: str) -> None:
    asset, name = file.split("/")
    place = copied(asset)
    path = Path(place.artifact(asset).address) / name
    whole = path.read_bytes()
    expected = hashlib.sha256(whole).hexdigest()
    for damage in DAMAGES:
        damage(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with pytest.raises(StoreError) as refusal:
            place.artifact(asset).path(name)
        assert str(refusal.value) == (
            f"{path} is damaged: SHA-256 {digest}, expected {expected}: materialize {asset} for week {WEEK} again."
        )
        path.write_bytes(whole)
    path.unlink()
    with pytest.raises(StoreError) as refusal:
        place.artifact(asset).path(name)
    assert str(refusal.value) == (f"{path} is missing, expected SHA-256 {expected}: materialize {asset} for week {WEEK} again.")


@pytest.mark.parametrize("asset", ASSETS)
def test_a_damaged_manifest_or_pointer_is_refused_by_its_path_and_the_way_out(copied: Copied, asset: str) -> None:
    place = copied(asset)
    folder = Path(place.artifact(asset).address)
    for path in (folder / "manifest.json", folder.parent / "current"):
        whole = path.read_bytes()
        for damage in (truncated, bit_flipped, emptied, lambda path: path.write_text('{"of": "another schema"}')):
            damage(path)
            with pytest.raises(StoreError) as refusal:
                place.artifact(asset)
            assert str(folder.parent) in str(refusal.value)
            assert str(refusal.value).endswith(f"materialize {asset} for week {WEEK} again.")
            path.write_bytes(whole)


def test_a_manifest_that_says_something_else_is_refused_with_both_hashes(copied: Copied) -> None:
    place = copied("user_scores")
    path = Path(place.artifact("user_scores").address) / "manifest.json"
    document = json.loads(path.read_bytes())
    document["provenance"]["run_id"] = "somebody else"
    path.write_text(json.dumps(document))
    expected = document["manifest_sha256"]
    with pytest.raises(StoreError, match=rf"manifest\.json cannot be read \(SHA-256 [0-9a-f]{{64}}, expected {expected}\)"):
        place.artifact("user_scores")


def replant(place: Place, asset: str, name: str, change: Callable[[Path], None]) -> Path:
    """Change a file, and let the manifest say that it was always so."""
    folder = Path(place.artifact(asset).address)
    manifest = place.artifact(asset).manifest
    change(folder / name)
    record = replace(manifest.files[name], sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest())
    told = Manifest(**(vars(manifest) | {"files": {**manifest.files, name: record}}))
    (folder / "manifest.json").write_bytes(told.to_json())
    return folder / name


def flip_within_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(0)
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("asset", ["sql_scores", "interaction_edges"])
def test_a_page_that_is_not_what_its_checksum_says_is_refused(copied: Copied, asset: str) -> None:
    place = copied(asset)
    # One is written by a draft or an export of a query each; both write page checksums.
    path = replant(place, asset, f"{asset}.parquet", flip_within_a_page)
    with pytest.raises(
        StoreError,
        match=rf"{path} is damaged: .* CRC checksum verification failed .*: materialize {asset} for week {WEEK} again\.",
    ):
        place.table(asset)


class Malice:
    """What a pickle can do: run anything when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.target,)  # type: ignore[return-value]


@pytest.mark.parametrize(("asset", "name"), [("hetero_graph", "graph.pt"), ("approved_model", "model.pt")])
def test_no_pickle_is_ever_executed(copied: Copied, tmp_path: Path, asset: str, name: str) -> None:
    import torch

    from recs_assets.gnn import graph
    from recs_assets.gnn.channels import gated_model as model

    place = copied(asset)
    for write in (lambda path: path.write_bytes(pickle.dumps(Malice(tmp_path / "pwned"))), save_malice(tmp_path / "pwned")):
        path = replant(place, asset, name, write)
        with pytest.raises(pickle.UnpicklingError):
            graph.load(path) if name == "graph.pt" else model.load(path, place.settings.model)
        assert not (tmp_path / "pwned").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "pwned").exists(), "the malice was harmless to begin with"


def save_malice(target: Path) -> Callable[[Path], None]:
    import torch

    return lambda path: torch.save({"weights": Malice(target)}, path)


def test_nothing_in_the_package_can_unpickle() -> None:
    trees = {path: ast.parse(path.read_text()) for path in Path(recs_assets.__file__).parent.rglob("*.py")}
    loads = [
        (name, ast.unparse(call))
        for name, tree in trees.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"torch.load", "np.load", "pd.read_pickle"}
    ]
    assert len(loads) >= 2
    assert [call for _, call in loads if "weights_only=True" not in call] == []
    imported = {
        alias.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported & {"pickle", "joblib", "dill", "cloudpickle", "shelve"} == set()
