"""A copy of a home, made while runs are at work, and put back into an empty one; whole, or refused.

The tables are copied first, at one moment, then the store: what the tables speak of is in the store already, and nothing is
removed from it meanwhile. Pointers are read at one moment too, and written when all versions are there. ``backup.json``, with the
hash of every file, comes last: a folder without it is no backup. The source is not copied, nor is work in progress.
"""

import datetime as dt
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

from recs_assets import home_layout
from recs_assets.dagster_home import VARIABLE
from recs_assets.resources.duckdb.copying import copy_tables
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.store.artifact import is_whole
from recs_assets.resources.store.folder import Folder
from recs_assets.resources.store.location import POINTER
from recs_assets.resources.store.manifest import sha256_of
from recs_assets.resources.store.readers import read_on
from recs_assets.settings import Settings

CONTENTS = "backup.json"
TABLES, STORE, DAGSTER = "warehouse.duckdb", "store", "dagster"


class BackupError(ValueError):
    """A backup that cannot be made or put back; the message says why, and what to do."""


def write(home: Path, to: Path, settings: Settings) -> str:
    """Copy a home into an empty folder, and read it all back; what to tell a person.

    Args:
        home: the folder of everything.
        to: the folder of the backup, made where it is missing, for the user's eyes alone.
        settings: say what the copying of tables may use, and how long it waits for the file.

    Raises:
        BackupError: there is nothing to copy, or the folder is not empty or lies in the home.
        LayoutError: the home is of a later layout, or was never restored whole.
        WarehouseError: the tables cannot be read.
    """
    if home_layout.known(home) is None:
        raise BackupError(f"there is nothing to back up in {home}: nothing has run there yet. Is RECS_HOME the right folder?")
    to = to.absolute()
    if to.is_relative_to(home):
        raise BackupError(f"{to} lies in the home that it is to keep safe. Name a folder elsewhere, best on another disk: TO=...")
    _refuse_filled(to, "a backup goes into a folder of its own: name another one with TO=...")
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    read_on(home / STORE)  # nothing is removed while this process reads
    now = dt.datetime.now(dt.UTC)
    if (home / TABLES).exists():
        copy_tables(DuckDBWarehouse(home / TABLES, home, settings.compute), to / TABLES)
    damaged = _copy_store(home / STORE, to / STORE)
    _copy_event_log(_dagster_of(home), to / DAGSTER)
    if (home / home_layout.MARKER).exists():
        _copy(home / home_layout.MARKER, to / home_layout.MARKER)
    os.sync()
    files = {str(path.relative_to(to)): sha256_of(path) for path in sorted(to.rglob("*")) if path.is_file()}
    (to / CONTENTS).write_text(json.dumps({"made_at": now.isoformat(), "files": files}, indent=2) + "\n")
    n_bytes = sum((to / name).stat().st_size for name in files)
    told = [f"{home} as of {now:%Y-%m-%d %H:%M} UTC is in {to}: {len(files):,} files, {n_bytes / 1e6:,.1f} MB, read back."]
    told += [f"Damaged in the home already, and so in the backup: {name}." for name in damaged]
    days = settings.retention.days
    told += [f"It holds rows of people: keep it as private as the home, and none for longer than {days} days (retention.days)."]
    return "\n".join(told)


def restore(source: Path, home: Path) -> str:
    """Put a backup into a home that is empty; what to tell a person.

    Until all of it is there the home is marked as not whole, and nothing runs in it.

    Raises:
        BackupError: the folder is no backup or not what was written, or there is something in the home already.
    """
    files = _contents(source)
    dagster = _dagster_of(home)
    for folder in (home, dagster):
        _refuse_filled(folder, "name a new folder (RECS_HOME, DAGSTER_HOME), or move this one away first.")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    home_layout.mark(home, {"layout": home_layout.LAYOUT, home_layout.UNFINISHED: "restore"})
    mark = files.pop(home_layout.MARKER, None)
    for name in sorted(files, key=lambda name: Path(name).name == POINTER):
        within = Path(name)
        to = dagster / within.relative_to(DAGSTER) if within.parts[0] == DAGSTER else home / within
        _copy(source / name, to)
        if sha256_of(to) != files[name]:
            raise BackupError(f"{to} was not written as it is in {source}. Look at the disk, empty {home}, then restore again.")
    os.sync()
    if mark is None:
        (home / home_layout.MARKER).unlink()  # of a program that knew no layouts
    else:
        home_layout.mark(home, json.loads((source / home_layout.MARKER).read_text()))
    return f"{home} is as it was when {source} was made: {len(files):,} files. make status says what that is."


def _contents(source: Path) -> dict[str, str]:
    """The hash of every file of a backup, each of which is there and what it was."""
    try:
        files: dict[str, str] = json.loads((source / CONTENTS).read_text())["files"]
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(f"{source} is no backup that came to its end: {CONTENTS} cannot be read ({error}).") from error
    for name, expected in files.items():
        path = source / name
        actual = sha256_of(path) if path.is_file() else "missing"
        if actual != expected:
            raise BackupError(
                f"{path} is damaged: SHA-256 {actual}, expected {expected}. Take another backup; nothing was restored."
            )
    return files


def _refuse_filled(folder: Path, way_out: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: {way_out}")


def _dagster_of(home: Path) -> Path:
    return Path(os.environ.get(VARIABLE) or home / DAGSTER).absolute()


def _copy(source: Path, to: Path) -> None:
    """The content and its time, which says how long something may be kept; who may read it the process decides."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    stat = source.stat()
    os.utime(to, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _copy_store(root: Path, to: Path) -> list[str]:
    """All versions, then the pointers; the versions that are damaged."""
    pointers = _pointers(root)
    damaged = []
    for version in Folder(root).versions():
        for path in (root / version.name).iterdir():
            _copy(path, to / version.name / path.name)
        damaged += [] if is_whole(Folder(to), version.name) else [version.name]
    for name, content in pointers.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(content)
    return damaged


def _pointers(root: Path) -> Mapping[str, bytes]:
    """What all pointers say at one moment: a run moves one after the other, and some would be newer than others."""
    read, again = None, _read_pointers(root)
    while read != again:
        read, again = again, _read_pointers(root)
    return again


def _read_pointers(root: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.glob(f"[!.]*/*/{POINTER}"))}


def _copy_event_log(folder: Path, to: Path) -> None:
    """Dagster's files; a database by SQLite's own way of copying one that is written to."""
    for path in _files_of(folder):
        target = to / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".db":
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, and none beside it
        else:
            with suppress(FileNotFoundError):  # forgotten meanwhile, with its run
                _copy(path, target)


def _files_of(folder: Path) -> Iterator[Path]:
    beside = (".db-wal", ".db-shm", ".db-journal")
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(beside))
