"""The command line."""

from pathlib import Path

import pytest

from recs_assets.demo.__main__ import main


def test_the_second_call_says_that_the_world_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--preset", "tiny", "--seed", "3", "--to", str(tmp_path)])
    first = capsys.readouterr().out
    main(["--preset", "tiny", "--seed", "3", "--to", str(tmp_path)])
    second = capsys.readouterr().out
    assert f"World (tiny, seed 3) written to {tmp_path}" in first
    assert f"World (tiny, seed 3) already in {tmp_path}" in second
    assert first.splitlines()[1:] == second.splitlines()[1:]


def test_an_unknown_preset_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--preset", "huge", "--to", str(tmp_path)])
    assert "invalid choice: 'huge'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_lift_needs_the_experiment_that_has_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--preset", "tiny", "--to", str(tmp_path), "--lift", "0.2"])
    assert "--lift is of an experiment: give its --salt too." in capsys.readouterr().err
    main(["--preset", "tiny", "--to", str(tmp_path), "--lift", "0.2", "--salt", "2026-11-30"])
    assert "seed 1, experiment 2026-11-30: 50% treated, true lift +20%) written" in capsys.readouterr().out
