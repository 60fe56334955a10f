"""The whole fault walk as a table: operation, point and way, how the process ended, what a reader found, and the verdict."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from recs_assets_tests.faults.operations import prepare
from recs_assets_tests.faults.walk import Case, Ending, cases, check, suffer


def main() -> int:
    """Try all cases and print a line for each; the exit status is 1 where a promise was broken."""
    verdicts: Counter[str] = Counter()
    print(f"{'operation':<10}{'point':<20}{'way':<15}{'ended':<12}{'a reader found':<16}then")
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "prepared")
        for number, case in enumerate(cases()):
            verdicts[_verdict(case, Path(folder) / "prepared", Path(folder) / str(number))] += 1
    broken = verdicts.total() - verdicts["converged"]
    print(f"{verdicts.total()} faults: {verdicts['converged']} lost nothing, {broken} broke a promise.")
    return int(broken > 0)


def _verdict(case: Case, prepared: Path, home: Path) -> str:
    ending, verdict = None, "converged"
    try:
        ending = suffer(case, prepared, home)
        check(case, ending, home)
    except Exception as error:
        verdict = f"BROKEN: {error!r}"
    found = ending.found if ending else "?"
    print(f"{case.operation:<10}{case.point:<20}{case.way:<15}{_ended(ending):<12}{found:<16}{verdict}", flush=True)
    return verdict


def _ended(ending: Ending | None) -> str:
    if ending is None:
        return "?"
    if ending.exit_code is None:
        return "hung"
    return f"signal {-ending.exit_code}" if ending.exit_code < 0 else f"exit {ending.exit_code}"


if __name__ == "__main__":
    sys.exit(main())
