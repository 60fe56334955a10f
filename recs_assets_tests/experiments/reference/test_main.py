"""The whole table on a data set of two groups of users, each with items of its own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recs_assets.experiments.reference.__main__ import main

pytestmark = pytest.mark.long

SYSTEMS = ["popularity", "item_knn", "p3", "ease", "gf_cf", "channels", "model"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with the data set gowalla: 80 users, each with 16 of the 20 items of a group to learn from and 4 to find."""
    rng = np.random.default_rng(1)
    items = np.concatenate([rng.permuted(np.tile(np.arange(20), (40, 1)) + first, axis=1) for first in (0, 20)])
    folder = tmp_path / "gowalla"
    folder.mkdir()
    for part, columns in (("train", items[:, :16]), ("test", items[:, 16:])):
        pairs = {"user_id": np.repeat(np.arange(80), columns.shape[1]), "item_id": columns.ravel()}
        pd.DataFrame(pairs).to_parquet(folder / f"{part}.parquet")
    return tmp_path


def _rows(printed: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.startswith("  ")}


def test_every_system_is_printed_beside_the_published_figures(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(data)]) == 0
    printed = capsys.readouterr().out
    rows = _rows(printed)
    assert "gowalla: 80 users, 40 items, 1,280 pairs" in printed
    # A group's four missing items are all that its items lead to.
    assert all(rows[name][:3] == ["1.00000", "/", "1.00000"] for name in SYSTEMS if name != "popularity")
    assert rows["p3"][3:6] == ["0.1862", "/", "0.1563"]
    assert rows["SimpleX"] == ["0.1872", "/", "0.1557", "(not", "run", "here)"]
    assert "Peak memory" in printed.splitlines()[-1]


def test_validation_reads_the_training_part_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(data), "--validation"])
    before = capsys.readouterr().out
    pd.DataFrame({"user_id": [0], "item_id": [39]}).to_parquet(data / "gowalla" / "test.parquet")
    main(["--data", str(data), "--validation"])
    after = capsys.readouterr().out
    assert [row[:3] for row in _rows(after).values()] == [row[:3] for row in _rows(before).values()]
    assert "gowalla: 80 users, 40 items, 1,040 pairs" in after
    assert "SimpleX" not in after


def test_only_the_data_set_asked_for_is_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--data", str(data), "--only", "another"])
    assert "gowalla" not in capsys.readouterr().out
