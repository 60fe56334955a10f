"""The weekly fit from the week's artifacts to the files of a new version."""

import base64
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import torch
from torch_geometric.data import HeteroData

from recs_assets.asset_files import (
    CURVE,
    GRAPH,
    MODEL,
    PRODUCT_VECTORS,
    PROFILES,
    RESIDUAL,
    TOWERS,
    TOWERS_CURVE,
    USER_PROFILES,
    USER_VECTORS,
    VALIDATION_MODEL,
    WEIGHTS,
    own_file,
)
from recs_assets.gnn import graph
from recs_assets.gnn.channels import gated_model as model
from recs_assets.gnn.channels.training import NoTrainingDataError
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.device import device_of
from recs_assets.gnn.snapshots import microseconds, snapshot
from recs_assets.gnn.towers import residual
from recs_assets.gnn.towers.training import TowerFit
from recs_assets.gnn.weekly_fit import WeeklyFit, fit_week
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.location import Working
from recs_assets.settings import Settings
from recs_assets.steps.write_vectors import write_vectors
from recs_assets.week_split import TOWERS_VALIDATED_ON, WeekSplit
from recs_assets.weeks import key_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What the asset shows: plain figures, the record of the towers, the curves as a picture in Markdown."""

    figures: dict[str, Any]
    record: dict[str, Any]
    plot: str
    checkpoints: Checkpoints


def train(
    inputs: Mapping[str, Artifact],
    start: Artifact | None,
    new: Draft,
    *,
    split: WeekSplit,
    work: Working,
    settings: Settings,
    report: Callable[[str], None],
) -> Trained:
    """Fit the week's model and write its files into ``new``.

    Args:
        inputs: hetero_graph, user_nodes and product_nodes of the week.
        start: a model from whose towers this week's start; ``None``: they start from nothing.
        new: where the files go.
        split: the weeks to learn from and to choose by.
        work: where the checkpoints lie.
        settings: hyper-parameters.
        report: takes lines of progress.
    """
    source = inputs["hetero_graph"]
    data = graph.load(source.path(GRAPH))
    checkpoints = Checkpoints(work.folder, f"{source.version} {settings.hash} {start.version if start else None}", work.keep)
    warm = torch.load(start.path(TOWERS), weights_only=True, map_location="cpu") if start else None
    try:
        fitted = fit_week(data, split, settings, checkpoints=checkpoints, warm=warm, report=report)
    except NoTrainingDataError as nobody:
        return _nothing_learned(nobody, new, checkpoints)
    losses, record = fitted.channels.losses, {}
    model.save(fitted.channels.model, new.path(MODEL))
    model.save(fitted.chosen.fit.model, new.path(VALIDATION_MODEL))
    new.write_table(CURVE, pa.table({"step": range(1, len(losses) + 1), "loss": losses}))
    new.write_document(WEIGHTS, fitted.channels.model.named_weights() | fitted.channels.model.named_floors())
    if fitted.towers is not None:
        record = fitted.towers.record()
        _write_towers(fitted.towers, data, inputs, new, settings)
        new.facts |= {TOWERS_VALIDATED_ON: [key_of(moment) for moment in split.validation]}
    new.write_document(RESIDUAL, record)
    new.facts |= {"towers_scale": record.get("scale", {}), "optional_channels": fitted.chosen.words}
    figures = {
        "users of all snapshots": fitted.n_users,
        "snapshots": fitted.n_snapshots,
        "first loss": losses[0],
        "last loss": losses[-1],
        "weights": fitted.channels.model.named_weights(),
        "floors of popularity": fitted.channels.model.named_floors(),
        **{f"channel {name}": words for name, words in fitted.chosen.words.items()},
        **{f"scale of the towers, {stratum}": scale for stratum, scale in record.get("scale", {}).items()},
        "device of the towers": device_of(settings.towers),
    }
    return Trained(figures, record, plot(fitted), checkpoints)


def _write_towers(towers: TowerFit, data: HeteroData, inputs: Mapping[str, Artifact], new: Draft, settings: Settings) -> None:
    source = inputs["hetero_graph"]
    residual.save(towers.residual, new.path(TOWERS))
    new.write_table(TOWERS_CURVE, pa.Table.from_pylist(towers.curve))
    write_vectors(
        towers.residual,
        snapshot(data, microseconds(source.as_of), settings.events),
        user_ids=_ids(inputs, "user"),
        product_ids=_ids(inputs, "product"),
        profiles=source.table(PROFILES),
        user_profiles=source.table(USER_PROFILES),
        users_file=new.path(USER_VECTORS),
        products_file=new.path(PRODUCT_VECTORS),
    )


def _nothing_learned(nobody: NoTrainingDataError, new: Draft, checkpoints: Checkpoints) -> Trained:
    """A version without weights: without purchases there is no model, and a fallback serves."""
    log.warning("%s There is no model, and serving falls back", nobody)
    new.facts |= {"reason": str(nobody)}
    return Trained({"users of all snapshots": 0, "snapshots": 0, "reason": str(nobody)}, {}, "", checkpoints)


def plot(fitted: WeeklyFit) -> str:
    """The loss of the channels, and what the towers gain by epoch, as a small picture in Markdown."""
    from matplotlib.figure import Figure  # 0.5 s at load

    figure = Figure(figsize=(7, 2.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(range(1, len(fitted.channels.losses) + 1), fitted.channels.losses, linewidth=0.8)
    left.set(title="channels", xlabel="step", ylabel="loss")
    curve = fitted.towers.curve if fitted.towers else []
    right.plot([row["epoch"] for row in curve], [row["gain"] for row in curve], marker=".")
    right.axhline(0, linestyle="--", linewidth=0.8, label="channels alone")
    right.legend()
    right.set(title="towers", xlabel="epoch", ylabel="validation, fall of -log p")
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=80)
    return f"![training curves](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})"


def _ids(inputs: Mapping[str, Artifact], kind: str) -> pa.Array:
    return inputs[f"{kind}_nodes"].table(own_file(f"{kind}_nodes"))[f"{kind}_id"].combine_chunks()
