"""What the documents say that can be held against the tree: links, make targets, settings, faults."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from recs_assets.contract import SOURCE_TABLES, SourceTable
from recs_assets.report.verdicts import QUESTIONS
from recs_assets.settings_file import load
from recs_assets_tests.conftest import Run

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("recs_assets/**/*.md"), *ROOT.glob("recs_assets_tests/**/*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
README = (ROOT / "README.md").read_text()
OPERATING = (ROOT / "recs_assets" / "operating.md").read_text()
CONTRACT = (ROOT / "recs_assets" / "contract.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_point_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", document.read_text())
    files = [link.partition("#")[0] for link in links if not link.startswith("http")]
    assert [file for file in files if not (document.parent / file).exists()] == []


def test_the_readme_is_short_and_names_targets_that_are_there() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`|^    make.*$", README, re.MULTILINE))))
    assert {"demo", "test", "run"} <= named <= TARGETS
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_names_is_there(document: Path) -> None:
    code = re.findall(r"`[^`]+`|^    make.*$", document.read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z][a-z-]+)", "\n".join(code))) - TARGETS == set()


def test_the_modules_in_the_map_are_there() -> None:
    lines = README[README.index("    recs_assets/\n") : README.index("    recs_assets_tests/")].splitlines()[1:]
    names = {name.rstrip("/") for line in lines for name in re.split(r"\s{2,}", line.strip())[0].split(", ")}
    there = {path.stem for path in (ROOT / "recs_assets").iterdir()}
    assert {"contract", "assets", "sql"} <= names
    assert names - there == {"…"}


def test_the_settings_that_the_contract_names_are_there() -> None:
    values = load().model_dump()
    named = re.findall(r"`([a-z_]+)\.([a-z_]+)`", CONTRACT)
    assert len(named) > 20
    assert [f"{section}.{key}" for section, key in named if key not in values.get(section, {})] == []


def test_operators_find_every_gate_and_every_variable_and_setting_that_they_are_told_of_is_there(night: Run) -> None:
    section = OPERATING[OPERATING.index("## When a gate says no") : OPERATING.index("## When a run fails")]
    gates = set(re.findall(r"^\| `([a-z0-9_*]+)` \|", section, re.MULTILINE))
    assert gates == set(QUESTIONS)
    recorded = {name for (name,) in night.place.query("SELECT DISTINCT gate FROM verdicts")}
    assert len(recorded) > 20
    assert [name for name in sorted(recorded) if not any(fnmatch(name, gate) for gate in gates)] == []
    code = re.findall(r"`([^`]+)`", OPERATING)
    makefile, values = (ROOT / "Makefile").read_text(), load().model_dump()
    variables = {word.split("=")[0] for text in code for word in text.split() if re.match(r"[A-Z_]+=", word)}
    assert {name for name in variables if f"$({name})" not in makefile} == set()
    dotted = [text.split(".") for text in code if re.fullmatch(r"[a-z_]+\.[a-z_0-9]+", text)]
    named = [(section, key) for section, key in dotted if key not in ("csv", "duckdb", "html", "md")]
    assert len(named) > 30
    assert [f"{section}.{key}" for section, key in named if key not in values.get(section, {})] == []


def _row(table: SourceTable) -> str:
    outcomes = ("duplicate", "set aside", "quarantined")
    cells = ["; ".join(fault.name for fault in table.faults if fault.outcome == outcome) for outcome in outcomes]
    return f"| `{table.name}` | {' | '.join(cells)} |\n"


def test_the_contract_names_every_fault_of_every_table() -> None:
    rows = "".join(_row(table) for table in SOURCE_TABLES.values() if table.faults)
    assert f"| table | duplicate | set aside | quarantined |\n|---|---|---|---|\n{rows}\n" in CONTRACT
