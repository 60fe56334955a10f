"""What came of a week, gathered once and plain: whatever form a report has, it says this and no more."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recs_assets import targets
from recs_assets.cutoff import K
from recs_assets.gates.catalogue import left_for_lists
from recs_assets.gates.verdict import Verdict
from recs_assets.report.evaluation import Comparison, Gate, Lift, comparison_of, gate_of
from recs_assets.report.lists import Lists, Served, lists_of, served_of
from recs_assets.report.people import Person, people_of
from recs_assets.resources.holding import Hold
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

if TYPE_CHECKING:
    from recs_assets.steps.standing_rollout import Standing

LENGTH = K
# Whose versions say where a number comes from: all else is among what they were made from.
ENDS = ("recommendations", "approved_model")


@dataclass(frozen=True)
class RecordedVerdict:
    """A verdict as the ledger keeps it: of a gate on a week, with its figures."""

    gate: str
    week: str
    decision: str
    reason: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """An evaluation: of which week, where its files are, and what it says."""

    week: str
    folder: str
    comparison: Comparison
    gate: Gate


@dataclass(frozen=True)
class Step:
    """What a step of a run took; bytes and US dollars where a service was asked that counts them."""

    name: str
    seconds: float
    bytes_billed: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """Rows of a source table that are left out of a week for a reason: quarantined, or set aside as ordinary."""

    source_table: str
    outcome: str
    reason: str
    n_rows: int


@dataclass(frozen=True)
class Facts:
    """All that a report of a week may say.

    Attributes:
        week: its Monday.
        home: the folder of everything.
        settings: of the run.
        verdicts: the newest verdict of each gate on the week.
        lifts: lift of the blend over SQL by week, of all weeks that were run up to this one.
        measured: the evaluation that counts: of the week itself, or of the newest one before; ``None``: there is none yet.
        served: ``None`` where nothing has been published.
        lists: what is in the served lists; ``None`` where there are none, or their parts are not kept any more.
        people: some of those who are served, without their names.
        nobody_because: why there are none of them; ``None`` where there are some.
        left_out: rows of the source tables that are left out.
        hold: what holds publishing at this moment.
        rollout: where it stands at this moment; ``None``: none has begun.
        origins: the version of each asset that these facts come from.
        steps: what each step of the run took, in their order; none where no run is at hand.
        failures: what each step that failed said.
    """

    week: str
    home: Path
    settings: Settings
    verdicts: Mapping[str, RecordedVerdict]
    lifts: Mapping[str, tuple[str, Lift]]
    measured: Measured | None
    served: Served | None
    lists: Lists | None
    people: Sequence[Person]
    nobody_because: str | None
    left_out: Sequence[LeftOut]
    hold: Hold | None
    rollout: "Standing | None"
    origins: Mapping[str, str]
    steps: Sequence[Step] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_for_lists(self) -> Verdict | None:
        """Whether the rules leave enough to fill the lists; ``None`` where no rule has met the week's parts."""
        if "rules" not in self.verdicts:
            return None
        of_rules, limits = self.verdicts["rules"].figures, self.settings.gates
        return left_for_lists(
            n_parts=of_rules["parts"],
            left_out=of_rules["left_out"],
            lengths=self.lists.lengths if self.lists else {},
            list_length=self.settings.rules.list_length,
            min_left=limits.min_left_by_the_rules,
            max_short=limits.max_short_lists,
        )


def gather(
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    week: str,
    *,
    steps: Sequence[Step] = (),
    failures: Mapping[str, str] | None = None,
) -> Facts:
    """The facts of a week, as far as there are any; arguments as the attributes of ``Facts``."""
    from recs_assets.steps.standing_rollout import standing_of  # pandas: 0.4 s at load

    now, measured = dt.datetime.now(dt.UTC), store.newest("offline_metrics", up_to=week)
    served, products = served_of(warehouse, week), store.find("product_nodes", week)
    with warehouse.session() as session:
        day = dt.date.fromisoformat(week)
        verdicts = [_recorded(row) for row in session.rows("newest_verdicts", week=day)]
        left_out = [LeftOut(**row) for row in session.rows("quarantine_reasons", week=day)]
    rollout = standing_of(warehouse, store, settings, now)
    people, nobody_because = _people(warehouse, store, settings, week)
    return Facts(
        week,
        targets.home(),
        settings,
        {verdict.gate: verdict for verdict in verdicts if verdict.week == week},
        {one.week: (one.decision, Lift.of(one.figures)) for one in verdicts if one.gate == "gate_1"},
        _measured(measured) if measured else None,
        served,
        lists_of(warehouse, products, week, settings.rules.slots) if served and products else None,
        people,
        nobody_because,
        left_out,
        warehouse.held(now),
        rollout if rollout.state.since is not None else None,
        _origins([measured, *(store.find(asset, week) for asset in ENDS)]),
        steps,
        failures or {},
    )


def _people(warehouse: Warehouse, store: Store, settings: Settings, week: str) -> tuple[Sequence[Person], str | None]:
    from recs_assets.report.served_lists import served_lists  # as definitions: what imports an asset reads the settings

    try:
        return people_of(warehouse, served_lists(warehouse, store, settings, week), settings), None
    except StoreError as missing:
        return (), str(missing)


def _measured(measured: Artifact) -> Measured:
    return Measured(measured.manifest.week, measured.address, comparison_of(measured), gate_of(measured))


def _recorded(row: Mapping[str, Any]) -> RecordedVerdict:
    return RecordedVerdict(row["gate"], row["week"].isoformat(), row["decision"], row["reason"], json.loads(row["figures_json"]))


def _origins(ends: Sequence[Artifact | None]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for end in ends:
        if end is not None:
            origins |= {**end.manifest.provenance.inputs, end.manifest.asset: end.reference}
    return dict(sorted(origins.items()))
