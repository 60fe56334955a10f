"""A version that is not what was written is refused by its path, and says what to do."""

import hashlib

import pytest

from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets_tests.resources.store.places import Place
from recs_assets_tests.resources.store.test_store import WEEK, _write


def test_a_file_that_a_version_does_not_have_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match=r"holds no file 'x\.parquet'; it holds \['note\.json', 'scores\.parquet'\]"):
        _write(store).path("x.parquet")


def test_a_damaged_file_is_refused_with_both_hashes(place: Place, store: Store) -> None:
    written = _write(store)
    path = place.lying(written) / "scores.parquet"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    for damaged in (bytes(flipped), whole[:-1], b""):
        path.write_bytes(damaged)
        actual, expected = hashlib.sha256(damaged).hexdigest(), hashlib.sha256(whole).hexdigest()
        with pytest.raises(StoreError) as error:
            store.current("scores", WEEK).table("scores.parquet")
        assert str(error.value) == (
            f"{written.address}/scores.parquet is damaged: SHA-256 {actual}, expected {expected}: "
            f"materialize scores for week {WEEK} again."
        )


def test_a_file_that_is_gone_is_refused_by_its_path(place: Place, store: Store) -> None:
    path = place.lying(_write(store)) / "note.json"
    path.unlink()
    with pytest.raises(StoreError, match=r"note\.json is missing, expected SHA-256 [0-9a-f]{64}: materialize scores for week"):
        store.current("scores", WEEK).document("note.json")


@pytest.mark.parametrize("content", [None, "", "{}", '{"provenance": 1}', "\x80"])
def test_a_manifest_that_cannot_be_read_says_what_to_delete(place: Place, store: Store, content: str | None) -> None:
    manifest = place.lying(_write(store)) / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    with pytest.raises(StoreError, match=rf"manifest\.json cannot be read .* materialize scores for week {WEEK} again"):
        store.current("scores", WEEK)
