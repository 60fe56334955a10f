"""Names as hashes: the same in every table, told apart by column, words of a title one by one."""

import pyarrow as pa

from recs_assets.gnn.hashed_names import NO_TOKEN, hashed_names

NODES = pa.table({"id": ["a", "b"], "brand": ["b", None], "title": ["Oil Pan, 5-quart", None]})


def test_equal_values_are_equal_tokens_and_columns_are_told_apart() -> None:
    hashed = hashed_names(NODES, ("id", "brand"))
    assert hashed.shape == (2, 2)
    assert hashed[0, 1] != hashed[1, 0]  # brand b is not id b
    assert hashed[1, 1] == NO_TOKEN
    assert hashed_names(NODES.slice(1), ("id",))[0, 0] == hashed[1, 0]


def test_a_title_is_its_first_words_in_lower_case() -> None:
    hashed = hashed_names(NODES, ("id",), "title")
    alone = hashed_names(pa.table({"title": ["oil", "pan", "5", "quart"]}), (), "title")
    assert hashed[0, 1:5].tolist() == alone[:, 0].tolist()
    assert hashed[0, 5:].tolist() == [NO_TOKEN] * 4
    assert hashed[1, 1:].tolist() == [NO_TOKEN] * 8


def test_a_column_that_is_absent_has_no_tokens() -> None:
    assert hashed_names(NODES, ("id", "model"), "subtitle")[:, 1:].tolist() == [[NO_TOKEN] * 9] * 2


def test_a_hash_is_the_same_in_every_process() -> None:
    # BLAKE2b of 8 bytes of "id=a" is b3f447241d0c23bb; without its last bit it is no negative integer.
    assert hashed_names(NODES, ("id",))[0, 0] == 0xB3F447241D0C23BB >> 1
