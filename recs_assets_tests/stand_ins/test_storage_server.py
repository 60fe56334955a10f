"""The stand-in for a bucket keeps what a bucket promises and the stock program does not."""

import time

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed

from recs_assets_tests.stand_ins.servers import Storage


def test_a_generation_that_has_passed_is_refused_and_a_file_put_beside_the_server_is_an_object(storage_server: Storage) -> None:
    storage_server.make_bucket("promises")
    bucket = storage_server.client().bucket("promises")
    first = bucket.blob("week=1/current")
    first.upload_from_string(b"one", if_generation_match=0)
    for generation in (0, first.generation - 1):
        with pytest.raises(PreconditionFailed):
            bucket.blob("week=1/current").upload_from_string(b"two", if_generation_match=generation)
        with pytest.raises(PreconditionFailed):
            bucket.blob("week=1/current").delete(if_generation_match=generation)

    read = bucket.blob("week=1/current")
    assert (read.download_as_bytes(), int(read.generation)) == (b"one", first.generation)
    bucket.blob("week=1/current").upload_from_string(b"two", if_generation_match=first.generation)
    assert bucket.get_blob("week=1/current").generation > first.generation
    large = bucket.blob("large", chunk_size=256 * 1024)
    large.upload_from_string(b"x" * 300_000, if_generation_match=0)  # chunked, as what is larger than 8 MB always is
    with pytest.raises(PreconditionFailed):
        bucket.blob("large", chunk_size=256 * 1024).upload_from_string(b"y" * 300_000, if_generation_match=0)

    started = time.monotonic()
    bucket.move_blob(first, "week=1/kept")
    with pytest.raises(NotFound):
        bucket.blob("week=1/current").download_as_bytes()
    assert time.monotonic() - started < 5  # unanswered it is tried again for half a minute

    (storage_server.objects / "promises" / "week=1" / "exported").write_bytes(b"three")
    assert sorted(blob.name for blob in bucket.list_blobs(prefix="week=1/")) == ["week=1/exported", "week=1/kept"]
    assert bucket.blob("week=1/exported").download_as_bytes() == b"three"
    exported = bucket.get_blob("week=1/exported")
    bucket.blob("week=1/exported").delete(if_generation_match=exported.generation)
    assert not (storage_server.objects / "promises" / "week=1" / "exported").exists()
