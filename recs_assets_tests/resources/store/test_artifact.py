"""A version that is not what was written is refused by its path, and says what to do."""

import hashlib
from pathlib import Path

import pytest

from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store.test_store import WEEK, _folder, _write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_file_that_a_version_does_not_have_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"holds no file 'x\.parquet'; it holds \['note\.json', 'scores\.parquet'\]"):
        _write(store).path("x.parquet")


def test_a_damaged_file_is_refused_with_both_hashes(store: Store) -> None:
    written = _write(store)
    path = _folder(written) / "scores.parquet"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:-1], b""):
        path.write_bytes(damaged)
        actual, expected = hashlib.sha256(damaged).hexdigest(), hashlib.sha256(whole).hexdigest()
        with pytest.raises(StoreError) as error:
            store.current("scores", WEEK).table("scores.parquet")
        assert str(error.value) == (
            f"{path} is damaged: SHA-256 {actual}, expected {expected}: materialize scores for week {WEEK} again."
        )


def test_a_file_that_is_gone_is_refused_by_its_path(store: Store) -> None:
    path = _folder(_write(store)) / "note.json"
    path.unlink()
    with pytest.raises(StoreError, match=r"note\.json is missing, expected SHA-256 [0-9a-f]{64}: materialize scores for week"):
        store.current("scores", WEEK).document("note.json")


@pytest.mark.parametrize("content", [None, "", "{}", '{"provenance": 1}', "\x80"])
def test_a_manifest_that_cannot_be_read_says_what_to_delete(store: Store, content: str | None) -> None:
    manifest = _folder(_write(store)) / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    with pytest.raises(StoreError, match=rf"manifest\.json cannot be read .* materialize scores for week {WEEK} again"):
        store.current("scores", WEEK)
