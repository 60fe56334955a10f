"""Every fault point in every way, in real processes: one whole version is served, and the next run finishes the work."""

from pathlib import Path

import pytest

from recs_assets import fault_points
from recs_assets_tests.faults.operations import OF_BIGQUERY, prepare
from recs_assets_tests.faults.walk import Case, cases, check, quick_cases, suffer


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("prepared") / "home"
    prepare(home)
    return home


@pytest.mark.long
@pytest.mark.parametrize("case", quick_cases(), ids=str)
def test_a_fault_loses_nothing(case: Case, prepared: Path, tmp_path: Path) -> None:
    ending = suffer(case, prepared, tmp_path / "home")
    check(case, ending, tmp_path / "home")


def test_every_point_is_tried_in_every_way() -> None:
    tried = {(case.point, case.way) for case in cases()}
    ways, points = set(fault_points.WAYS) - {"truncate"}, set(fault_points.POINTS) - OF_BIGQUERY
    assert tried == {(point, way) for point in points for way in ways} | {(point, "truncate") for point in fault_points.WITH_FILE}
    assert {case.point for case in quick_cases()} == points


@pytest.mark.parametrize("armed", ["publish.nowhere:kill", "publish.deleted:sing", "publish.deleted"])
def test_a_misspelt_fault_is_refused(armed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fault_points.ARMED_BY, armed)
    with pytest.raises(ValueError, match=f"RECS_FAULT={armed} is not point:way"):
        fault_points.reached("publish.deleted")


def test_an_unknown_point_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fault_points.ARMED_BY, "publish.deleted:kill")
    with pytest.raises(ValueError, match=r"'publish\.nowhere' is not a fault point"):
        fault_points.reached("publish.nowhere")
