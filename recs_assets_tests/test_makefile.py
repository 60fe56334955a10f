"""What `make` makes of a file of places, and of what a launch may be asked for."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import recs_assets

ROOT = Path(recs_assets.__file__).parents[1]
SHOW = "show: ; @echo $$RECS_HOME,$$RECS_SOURCE,$$DAGSTER_HOME"


def made(folder: Path, *arguments: str, **environment: str) -> str:
    """What ``make`` prints in a project folder of its own."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RECS_", "DAGSTER_", "MAKE"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True, check=True).stdout


def test_places_are_named_once_in_a_file_and_the_shell_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# where\nRECS_HOME=my runs\nRECS_SOURCE=tables\n")
    assert made(tmp_path, "--eval", SHOW, "show") == f"my runs,tables,{tmp_path}/my {tmp_path}/runs/dagster\n"
    (tmp_path / ".env").write_text("RECS_HOME=out\nRECS_SOURCE=tables\n")
    assert made(tmp_path, "--eval", SHOW, "show") == f"out,tables,{tmp_path}/out/dagster\n"
    assert made(tmp_path, "--eval", SHOW, "show", RECS_SOURCE="/other") == f"out,/other,{tmp_path}/out/dagster\n"
    (tmp_path / ".env").unlink()
    assert made(tmp_path, "--eval", SHOW, "show") == f"{tmp_path}/.recs,,{tmp_path}/.recs/dagster\n"


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["train", "WEEK=2026-09-28", "FORCE=1"], "run weekly --week 2026-09-28 --force"),
        (["nightly"], "run nightly"),
        (["approve", "WEEK=2026-09-28", "REASON=we mean it"], 'run approve --week 2026-09-28 --reason "we mean it"'),
        (
            ["publish", "WEEK=2026-09-28", "REPLACE=1", "REASON=prices"],
            'run publish --week 2026-09-28 --replace-older-week --reason "prices"',
        ),
        (
            ["run", "WEEK=2026-09-28", "LOST_COLUMNS=users products", "REASON=gone"],
            'run everything --week 2026-09-28 --lost-columns users products --reason "gone"',
        ),
        (["report"], "report"),
        (["report", "PAGE=week.html"], "report --page week.html"),
        (["why-not", "PARTS=parts.csv", "WEEK=2026-09-28"], 'why-not --parts "parts.csv" --week 2026-09-28'),
        (["explain", "USER=u1"], 'explain --user "u1"'),
        (["explain", "USER=u1", "TO=here"], 'explain --user "u1" --to "here"'),
        (["changes"], "changes"),
        (["backup", "TO=/safe"], 'backup --to "/safe"'),
        (["restore", "FROM=/safe"], 'restore --from "/safe"'),
        (["latest", "ASSET=user_nodes", "WEEK=2026-09-28"], "latest user_nodes --week 2026-09-28"),
    ],
)
def test_every_wish_has_a_variable(tmp_path: Path, arguments: list[str], command: str) -> None:
    last = made(tmp_path, "-n", *arguments).splitlines()[-1]
    assert " ".join(last.split()) == f".venv/bin/python -m recs_assets {command}"


def test_serve_takes_a_port_and_the_settings_of_the_demo_world_where_it_is_the_source(tmp_path: Path) -> None:
    assert made(tmp_path, "-n", "serve", "PORT=31").splitlines()[-1] == (
        "exec .venv/bin/python -m recs_assets.serve --host 127.0.0.1 --port 31"
    )
    assert (ROOT / "recs_assets" / "demo" / "planted_world.yaml").is_file()
    # Of what a dry run would do only the line with a plus is done.
    shown = ("-n", "--eval", "serve: shown", "--eval", "shown: ; +@echo 'settings' $$RECS_SETTINGS", "serve")
    for environment, settings in (
        ({}, f"settings {tmp_path}/recs_assets/demo/planted_world.yaml"),
        ({"RECS_SOURCE": "tables"}, "settings"),
        ({"RECS_SETTINGS": "mine.yaml"}, "settings mine.yaml"),
    ):
        assert settings in made(tmp_path, *shown, **environment).splitlines()
