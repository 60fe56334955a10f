"""Broken worlds through the real jobs: each ends in lists with every row accounted for, or in a refusal that changes nothing.

    python -m recs_assets_tests.benchmarks.fuzz --worlds 200 --seed 1

Every world is the busy shop with one to four random changes of its source tables. Exit status 1 where any world broke a
promise; its number repeats it (``--seed`` the same, ``--only`` the number).
"""

import argparse
import datetime as dt
import logging
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.contract import SOURCE_TABLES
from recs_assets_tests.busy_shop import LIMITS, busy_rows, busy_shop
from recs_assets_tests.small_shop import END, RAW_TABLES
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place, materialized, messages, metadata, settings_with

WORLDS_BETWEEN_REPORTS = 20
MICROSECONDS = pa.timestamp("us", "UTC")
TEXTS = [
    None,
    "",
    " ",
    "\0",
    "u1",
    "p1",
    "v1",
    "'",
    '"; DROP TABLE recommendations; --',
    "🚗\n",
    "x" * 10_000,
    "order",
    "http://x",
]
VALUES: dict[str, list[Any]] = {
    "string": TEXTS,
    "number": [None, float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 49.99, 1e-300, 1e299, 1e308],
    "integer": [None, -1, 0, 9999, 2**62],
    "boolean": [None, True, False],
    "timestamp": [None, *(dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (1, 1969, 1999, 2000, 2026, 2262, 9999)), END],
}
OTHER_TYPES = [pa.string(), pa.binary(), pa.int32(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("ns"), pa.timestamp("s")]

# A refusal names the table, the week and the way out.
CLEAR = re.compile(r"source table '\w+'.*, week 2026-\d\d-\d\d: .+ (Add|Cast|Check|Keep|Fix|Provide|Write) .+\.", re.DOTALL)

Rows = pa.Table
Change = Callable[[Rows, str, random.Random], Rows]


def some(rows: Rows, rng: random.Random) -> set[int]:
    """One row, a few, many or all."""
    return set(rng.sample(range(rows.num_rows), max(1, int(rows.num_rows * rng.choice([0, 0.02, 0.3, 1])))))


def put(rows: Rows, column: str, values: pa.Array) -> Rows:
    return rows.set_column(rows.schema.get_field_index(column), column, values)


def spoil_cells(rows: Rows, table: str, rng: random.Random) -> Rows:
    column = rng.choice(SOURCE_TABLES[table].columns)
    chosen, pool = some(rows, rng), VALUES[column.kind]
    if column.name not in rows.column_names:
        return rows
    values = rows[column.name].to_pylist()
    spoilt = [rng.choice(pool) if number in chosen else value for number, value in enumerate(values)]
    return put(rows, column.name, pa.array(spoilt, rows[column.name].type))


def one_value(rows: Rows, table: str, rng: random.Random) -> Rows:
    column = rng.choice(rows.column_names)
    return put(rows, column, pa.chunked_array([pa.repeat(rows[column][0], rows.num_rows)]))


def repeat_rows(rows: Rows, table: str, rng: random.Random) -> Rows:
    return pa.concat_tables([rows, *[rows.take(sorted(some(rows, rng)))] * rng.choice([1, 1, 5])])


def make_a_bot(rows: Rows, table: str, rng: random.Random) -> Rows:
    many = rows.take([rng.randrange(rows.num_rows)] * 10_050)
    return pa.concat_tables([rows, put(many, rows.column_names[0], pa.array([f"bot {n}" for n in range(10_050)]))])


def shuffle(rows: Rows, table: str, rng: random.Random) -> Rows:
    return rows.take(rng.sample(range(rows.num_rows), rows.num_rows))


def shorten(rows: Rows, table: str, rng: random.Random) -> Rows:
    return rows.slice(0, int(rows.num_rows * rng.choice([0, 0.1, 0.49, 0.51, 0.9])))


def retype(rows: Rows, table: str, rng: random.Random) -> Rows:
    column, kind = rng.choice(rows.column_names), rng.choice(OTHER_TYPES)
    try:
        return put(rows, column, rows[column].cast(kind, safe=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return put(rows, column, pa.nulls(rows.num_rows, kind))


def drop_column(rows: Rows, table: str, rng: random.Random) -> Rows:
    return rows.drop_columns([rng.choice(rows.column_names)])


def add_column(rows: Rows, table: str, rng: random.Random) -> Rows:
    name = rng.choice(['"; DROP TABLE x; --', "ROW_KEY", "fault", rows.column_names[0], rows.column_names[-1].upper(), "é"])
    return pa.Table.from_arrays([*rows.columns, rows.column(0)], names=[*rows.column_names, name])


CHANGES: list[Change] = [
    *[spoil_cells] * 8,
    *[repeat_rows] * 3,
    one_value,
    make_a_bot,
    shuffle,
    shorten,
    retype,
    drop_column,
    add_column,
]


def spoil_file(path: Path, rng: random.Random) -> str:
    content = bytearray(path.read_bytes())
    how = rng.choice(["empty", "cut", "flipped", "gone"])
    if how == "gone":
        path.unlink()
        return how
    if how == "flipped":
        for _ in range(rng.choice([1, 40])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes({"empty": b"", "cut": content[: rng.randrange(len(content))]}.get(how, bytes(content)))
    return how


def spoil(place: Place, rng: random.Random) -> list[str]:
    """One to four random changes of the source, by name."""
    done = []
    for _ in range(rng.choice([1, 1, 2, 3, 4])):
        table, change = rng.choice(sorted(SOURCE_TABLES)), rng.choice(CHANGES)
        path = place.source / f"{table}.parquet"
        if path.exists():
            rows = pq.ParquetFile(path).read()
            # What a column means whose name is there twice no change can say.
            if rows.num_rows and len(set(rows.column_names)) == rows.num_columns:
                pq.write_table(change(rows, table, rng), path)
                done.append(f"{change.__name__} {table}")
    if rng.random() < 0.1:
        path = place.source / f"{rng.choice(sorted(SOURCE_TABLES))}.parquet"
        done.append(f"{spoil_file(path, rng)} {path.name}")
    return done


def healthy(folder: Path) -> Place:
    """The busy shop, served for its last whole week, with the first days of the week after it."""
    events = busy_rows()["events"]
    new = [(f"new {n}", *event[1:4], END + dt.timedelta(hours=n + 1), *event[5:]) for n, event in enumerate(events[:20])]
    place = busy_shop(folder, {"events": [*events, *new]})
    if not place.launch("everything", WEEK).success:
        raise RuntimeError("the healthy shop is not served: nothing can be said of broken ones.")
    return place


def broken_promises(place: Place, result: dg.ExecuteInProcessResult, before: Any) -> list[str]:
    """What a run has done that it must not do."""
    if not result.success:
        told = messages(result)
        audit = {"recommendations"} & told.keys()
        vague = [f"{asset}: {text[:400]}" for asset, text in told.items() if asset not in audit and not CLEAR.fullmatch(text)]
        # Nothing that is served depends on the events of mails.
        if told.keys() != {"raw_email_events"} and place.served() != before:
            vague.append("the served table changed although the run was refused")
        return vague
    lost = []
    for export, table in RAW_TABLES.items():
        if export in materialized(result):
            shown = metadata(result, export)
            n_source = metadata(result, f"raw_{table}")["n_rows"]
            n_out = shown["dagster/row_count"] + sum(shown["quarantined"].values()) + shown["duplicates removed"]
            if n_source != n_out + shown["outside the window"]:
                lost.append(f"{table}: {n_source} rows in, {n_out} accounted for and {shown['outside the window']} outside")
    return lost


def refusal(place: Place, result: dg.ExecuteInProcessResult) -> str:
    """Who refused; of the audit also which counts it found."""
    told = messages(result)
    if "recommendations" not in told:
        return f"refused by {min(told)}"
    ((reason,),) = place.query(f"SELECT reason FROM verdicts WHERE gate = 'audit' AND run_id = '{result.run_id}'")
    return f"refused by the audit: {re.sub('[0-9,]+', 'n', reason)}"


def main(arguments: list[str]) -> int:
    """Run the worlds, print what became of them, and say which broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one world of them")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        base = healthy(Path(folder) / "healthy")
        before = base.served()
        for number in [options.only] if options.only is not None else range(options.worlds):
            rng = random.Random(options.seed * 1_000_000 + number)
            place = base.copy(Path(folder) / "broken")
            limit = rng.choice([0.05, 0.67, 1.0])
            limits = settings_with(Path(folder), LIMITS | {"source": {"max_quarantined_share": limit}})
            done = spoil(place, rng)
            job, week = rng.choice([("nightly", NEXT_WEEK), ("nightly", NEXT_WEEK), ("everything", WEEK)])
            result = replace(place, settings=limits).launch(job, week)
            broken = broken_promises(place, result, before)
            outcome = "BROKEN" if broken else "served" if result.success else refusal(place, result)
            outcomes[outcome] += 1
            if outcomes.total() % WORLDS_BETWEEN_REPORTS == 0:
                print(f"{outcomes.total()} of {options.worlds} worlds, {outcomes['BROKEN']} broken", file=sys.stderr, flush=True)
            if broken or options.only is not None:
                print(
                    f"world {number}: {job}, limit {limit}, {', '.join(done)}\n  " + "\n  ".join(broken or [outcome]), flush=True
                )
            shutil.rmtree(Path(folder) / "broken")
    for outcome, count in outcomes.most_common():
        print(f"{count:6,}  {outcome}")
    return 1 if outcomes["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
