"""Which files of a folder are which source table: one file, a folder of parts, or shards; and what looks like one and is not."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from recs_assets.breaches import ContractError
from recs_assets.contract import SOURCE_TABLES
from recs_assets.resources.resembled import resembled

# `bq extract` numbers shards with twelve digits, from zero.
SHARD = re.compile(r"-(\d{12})\.parquet")
PART = ".parquet"

# What a name says that holds data. A remark or a query beside a table (users.md, users.sql) is none.
OF_DATA = re.compile(
    r"\.(?:parquet|parq|csv|tsv|json|jsonl|ndjson|avro|orc|arrow|feather|ipc|xlsx?|gz|zst|zip|bz2|snappy)\b|^[^.]*$"
)

# Folders that say that the files beside them are not simply the rows of a table.
NOT_PLAIN = {
    "_delta_log": "it is a Delta table, whose files hold deleted rows too",
    ".hoodie": "it is a Hudi table, whose files hold deleted rows too",
    "_temporary": "a job has not finished writing it",
}

FORMS = "<table>.parquet, a folder <table>/ or <table>.parquet/ of .parquet files, or shards <table>-000000000000.parquet"


@dataclass(frozen=True)
class TableFiles:
    """The Parquet files of a source table, with the path of each below the table's own folder, and what is wrong with them."""

    paths: Mapping[Path, str]
    breaches: tuple[ContractError, ...] = ()


def files_by_table(folder: Path) -> dict[str, TableFiles | None]:
    """The files of every source table in a folder; ``None`` where nothing there is, or looks like, the table."""
    entries = [entry for entry in sorted(folder.iterdir()) if not _is_hidden(entry.name)]
    forms = {table: {entry: form for entry in entries if (form := _form(entry, table))} for table in SOURCE_TABLES}
    others = [entry for entry in entries if OF_DATA.search(entry.name.lower()) and not any(entry in of for of in forms.values())]
    absent = [table for table, of in forms.items() if not of]
    alike: dict[str, list[str]] = {table: [] for table in SOURCE_TABLES}
    for entry in others:
        table = resembled(entry.name, absent if _holds_data(entry) else ())
        if table:
            alike[table].append(entry.name)
    return {table: _table_files(table, forms[table], alike[table]) for table in SOURCE_TABLES}


def pattern(path: Path) -> str:
    """A path as DuckDB reads it: its file functions take every path for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _form(entry: Path, table: str) -> str | None:
    if entry.name in (table, f"{table}{PART}") and entry.is_dir():
        return "folder"
    if entry.name == f"{table}{PART}":
        return "file"
    is_shard = entry.name.startswith(table) and SHARD.fullmatch(entry.name[len(table) :]) and not entry.is_dir()
    return "shards" if is_shard else None


def _table_files(table: str, forms: Mapping[Path, str], alike: list[str]) -> TableFiles | None:
    if not forms and not alike:
        return None
    breaches = []
    if alike:
        problem = f"{_named(alike)} looks like it and is not read"
        breaches.append(ContractError(table, problem, f"Name it as one of {FORMS}, or move it out of the source folder."))
    names = [entry.name for entry in forms]
    if len(forms) > 1 and set(forms.values()) != {"shards"}:
        breaches.append(ContractError(table, f"it is there more than once: {_named(names)}", "Keep the one that is meant."))
        return TableFiles({}, tuple(breaches))
    paths: dict[Path, str] = {}
    for entry, form in forms.items():
        if form == "folder":
            parts, problems = _parts(entry)
            paths |= {part: str(part.parent.relative_to(entry)) for part in parts}
            fix = "Write the table again, as nothing but .parquet files."
            breaches += [ContractError(table, f"{entry.name}: {problem}", fix) for problem in problems]
        else:
            paths[entry] = ""
    if "shards" in forms.values():
        numbers = {int(shard[1]) for shard in (SHARD.search(name) for name in names) if shard}
        missing = sorted(set(range(max(numbers))) - numbers)
        if missing:
            problem = f"shard {table}-{missing[0]:012}{PART} is missing, though {max(names)} is there"
            breaches.append(ContractError(table, problem, "Copy all shards of one export."))
    return TableFiles(paths, tuple(breaches))


def _parts(folder: Path) -> tuple[list[Path], list[str]]:
    """The Parquet files below a folder, and what is wrong there. Like every reader of such folders it skips ``_*`` and ``.*``."""
    parts, strange, problems = [], [], []
    for path in _below(folder):
        if path.name in NOT_PLAIN:
            problems.append(NOT_PLAIN[path.name])
        elif _is_hidden(path.name) or path.is_dir():
            continue
        elif path.name.lower().endswith(PART):
            parts.append(path)
        else:
            strange.append(str(path.relative_to(folder)))
    if strange:
        problems.append(f"{_named(strange)} is no .parquet file and is not read")
    if not parts:
        problems.append("it has no .parquet file")
    return parts, problems


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder but what lies in hidden ones, each of them itself included; links are followed, once each."""
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(root) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(root))
        yield from (Path(root, name) for name in sorted([*folders, *files]))
        folders[:] = sorted(name for name in folders if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_")) or name.endswith(".crc")


def _holds_data(entry: Path) -> bool:
    return not entry.is_dir() or any(path.name.lower().endswith(PART) for path in _below(entry))


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(repr(name) for name in names[:3]) + more
