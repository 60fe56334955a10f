"""Training the towers on top of fitted channels: epochs, checkpoints, and when to stop."""

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from recs_assets.gnn import losses
from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.determinism import deterministic
from recs_assets.gnn.device import device_of
from recs_assets.gnn.towers.edges import Edges, dots
from recs_assets.gnn.towers.examples import TowerExample, dot_products
from recs_assets.gnn.towers.group import Group, joined
from recs_assets.gnn.towers.negatives import Slates
from recs_assets.gnn.towers.neighbours import TowerInputs
from recs_assets.gnn.towers.residual import Residual, differences
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.gnn.towers.validation import NOTHING, Earned, People, Tried, best_choice, earned, tried
from recs_assets.settings import Settings

log = logging.getLogger(__name__)

# Towers that help show a sign of it early: a standard error after so many epochs. Others are not trained to the end.
PROBED_EPOCHS = 2
SIGN = -1.0


@dataclass(frozen=True)
class TowerFit:
    """The towers of the best epoch, and what they added on the validation weeks.

    Attributes:
        residual: the towers with their scales, 0 where they have not earned their place.
        earned: what they add, measured crosswise; ``None`` without validation weeks.
        curve: a row an epoch: epoch, loss, gain (how far -log p of validation falls at the best scales), and these scales.
        probed: what the first epochs showed; ``None`` without validation weeks.
    """

    residual: Residual
    earned: Earned | None
    curve: list[dict[str, float]]
    probed: Earned | None

    def record(self) -> dict[str, Any]:
        """What the towers added or did not add, in plain values."""
        record: dict[str, Any] = {"scale": dict(self.residual.scales), "epochs": len(self.curve)}
        if self.earned is None:
            return record | {"validation": None}
        choice, shown = self.earned.choice, self.earned
        measured = {"nll": asdict(shown.nll), "nll_by_week": shown.weeks, "recall": asdict(shown.recall)}
        record |= {"tried_scale": choice.by_stratum, "epoch": choice.epoch, "validation": measured}
        return record | {"probe": {"z": self.probed.nll.z, "goes_on": shows_a_sign(self.probed)} if self.probed else None}


def fit_towers(
    training: Sequence[TowerExample],
    validation: Sequence[TowerExample],
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = log.info,
) -> TowerFit:
    """Train until -log p of the validation weeks stops falling, then keep the towers only if they are shown to help.

    Two AdamW optimizers (Loshchilov & Hutter 2019), one of the embedding of names and one of the rest, each with a one-cycle
    schedule (Smith & Topin 2019); gradients are clipped; a step is one snapshot. An epoch ends with a checkpoint, from which a
    killed training goes on to the same bits on a CPU. Epoch and scales are those with the least -log p of the validation weeks;
    the scales are 0 unless the towers have earned them (``validation.earned``, ``towers.confidence``). A training whose first
    epochs show no sign of help (``shows_a_sign``) ends after them.

    Under ``torchrun`` the processes share each snapshot's people: a step minimises the same loss of all of them, and differs from
    that of one process in the order of its sums alone. The first process validates and keeps checkpoints; all return the same.

    Args:
        training: snapshots whose targets lie before the validation weeks.
        validation: snapshots whose targets are the validation weeks.
        settings: hyper-parameters in ``settings.towers``.
        checkpoints: where this training, and none with other inputs or settings, leaves its state.
        warm: the state of towers of the same shape to start from, as ``residual.save`` wrote it.
        report: takes a line of progress an epoch.

    Raises:
        FloatingPointError: the loss or a gradient is not finite any more; the last checkpoint stays.
    """
    device = device_of(settings.towers)
    with deterministic(device), joined(device) as group:
        training, validation = ([example.to(device) for example in examples] for examples in (training, validation))
        run = _Run(settings, [example.inputs for example in training], People.of(validation), warm, device, group)
        state = group.by_first(checkpoints.newest)
        if state is not None:
            run.restore(state)
            report(f"training of the towers goes on after epoch {run.epoch}")
        started, first = time.monotonic(), run.epoch
        while not run.is_over:
            loss = run.train_epoch(training)
            run.note(loss, group.by_first(lambda: tried(validation, dot_products(run.towers, validation))))
            if group.rank == 0:
                checkpoints.save(run.epoch, run.state())
            left = (time.monotonic() - started) / (run.epoch - first) * (settings.towers.epochs - run.epoch)
            report(
                f"epoch {run.epoch} of {settings.towers.epochs}: loss {loss:.4f}, -log p of validation "
                f"{run.curve[-1]['gain']:.4f} below that of the channels alone, {left:.0f} s left"
            )
        if run.is_hopeless:
            report(f"the first {PROBED_EPOCHS} epochs of the towers show no sign that they help: they are not trained on")
        run.towers.load_state_dict(run.best)
        shown = earned(run.people, run.tried, settings.towers.confidence)
        towers = Residual(run.towers.cpu().eval(), shown.scales if shown else NOTHING, settings)
        return TowerFit(towers, shown, run.curve, run.probed)


@dataclass
class _Run:
    """A training in progress: all that a checkpoint has to hold."""

    settings: Settings
    inputs: Sequence[TowerInputs]
    people: People
    warm: Mapping[str, Any] | None
    device: str
    group: Group
    epoch: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = self.settings.towers
        torch.manual_seed(self.settings.model.seed)
        self.towers = TwoTowers(options).to(self.device)
        if self.warm is not None and not differences(self.warm["shape"], self.settings):
            self.towers.load_state_dict(self.warm["towers"])
        self.encoder = self.group.wrap(self.towers)
        self.best = copy.deepcopy(self.towers.state_dict())
        self.random = torch.Generator().manual_seed(self.settings.model.seed)
        names = list(self.towers.names.parameters())
        rest = [weight for name, weight in self.towers.named_parameters() if not name.startswith("names.")]
        rates = (
            (names, options.embedding_learning_rate, options.embedding_weight_decay),
            (rest, options.learning_rate, options.weight_decay),
        )
        self.optimizers = [torch.optim.AdamW(weights, lr=rate, weight_decay=decay, fused=True) for weights, rate, decay in rates]
        n_steps = max(1, options.epochs * len(self.inputs))
        self.schedules = [
            torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=n_steps)
            for optimizer, (_, rate, _) in zip(self.optimizers, rates, strict=True)
        ]

    @property
    def is_over(self) -> bool:
        stale = bool(self.curve) and self.epoch - best_of(self.curve)["epoch"] >= self.settings.towers.patience
        return not self.inputs or stale or self.is_hopeless or self.epoch >= self.settings.towers.epochs

    @property
    def is_hopeless(self) -> bool:
        """Whether the first epochs show no sign of help."""
        return self.epoch >= PROBED_EPOCHS and not shows_a_sign(self.probed)

    @property
    def probed(self) -> Earned | None:
        """What the first epochs show."""
        return earned(self.people, self.tried[:PROBED_EPOCHS], self.settings.towers.confidence)

    def train_epoch(self, training: Sequence[TowerExample]) -> float:
        """One step a snapshot, in a new order; the mean loss."""
        self.towers.train()
        order = torch.randperm(len(training), generator=self.random).tolist()
        total = sum(self._step(training[number], number) for number in order)
        self.epoch += 1
        return total / len(training)

    def _step(self, example: TowerExample, number: int) -> float:
        options = self.settings.towers
        drop = torch.rand(len(example.inputs.product_tokens), generator=self.random) < options.id_dropout
        slates = example.sampler.slates(np.random.default_rng((self.settings.model.seed, self.epoch, number)))
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device == "cuda"):
            users, products = self.encoder(example.inputs, drop.to(self.device))
        own = slate_loss(example, slates, users, products, options.loss, self.group.rows)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        # The loss is a sum over people, and the group takes the mean of its gradients.
        torch.autograd.backward(own * self.group.size)
        norm = torch.nn.utils.clip_grad_norm_(self.towers.parameters(), options.max_gradient_norm)
        loss = self.group.sum(own)
        if not (math.isfinite(loss) and torch.isfinite(norm)):
            raise FloatingPointError(
                f"epoch {self.epoch + 1} of the towers: the loss became {loss} with a gradient of {norm.item()}. Nothing "
                "of this step was kept. Lower towers.learning_rate in the settings; the last checkpoint stays."
            )
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            schedule.step()
        return loss

    def note(self, loss: float, measured: Tried) -> None:
        """Add the epoch to the curve, and keep its towers if people gain most by them so far."""
        choice = best_choice([measured.nll], self.people.stratum)
        if not self.curve or choice.gain > best_of(self.curve)["gain"]:
            self.best = copy.deepcopy(self.towers.state_dict())
        self.tried.append(measured)
        scales = {f"scale_{name}": scale for name, scale in choice.by_stratum.items()}
        self.curve.append({"epoch": self.epoch, "loss": loss, "gain": choice.gain, **scales})

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "curve": self.curve,
            "tried": [torch.from_numpy(np.stack([epoch.nll, epoch.recall])) for epoch in self.tried],
            "towers": self.towers.state_dict(),
            "best": self.best,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedules": [schedule.state_dict() for schedule in self.schedules],
            "random": self.random.get_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.curve, self.best = (state[name] for name in ("epoch", "curve", "best"))
        self.tried = [Tried(*epoch.numpy()) for epoch in state["tried"]]
        self.towers.load_state_dict(state["towers"])
        for kind in ("optimizers", "schedules"):
            for one, saved in zip(getattr(self, kind), state[kind], strict=True):
                one.load_state_dict(saved)
        self.random.set_state(state["random"])


def slate_loss(
    example: TowerExample, slates: Slates, users: torch.Tensor, products: torch.Tensor, kind: str, rows: slice = slice(None)
) -> torch.Tensor:
    """The loss of one step, from the channels' scores and the dot products of the candidates on the slates.

    Args:
        example: the snapshot.
        slates: the candidates of this step.
        users: [users x dimension] as in ``example.inputs``.
        products: [products x dimension].
        kind: softmax, bce or bpr.
        rows: the users of the snapshot whose part of the loss is asked for; the parts add up to that of all.

    Returns:
        A scalar on the device of the vectors.
    """
    base, device = example.base, users.device
    on_slate = slates.is_candidate[rows]
    entry, is_candidate = slates.entry[rows][on_slate], torch.from_numpy(on_slate).to(device)
    pairs = Edges.of(base.candidates.indices[entry], on_slate.sum(axis=1), len(products)).to(device)
    of_batch = users[example.inputs.rows_of(base.users[rows]).to(device)]
    channels = torch.from_numpy(example.scores[entry].astype(np.float32)).to(device)
    scores = torch.zeros(is_candidate.shape, device=device)
    scores = scores.masked_scatter(is_candidate, channels + dots(of_batch, products, pairs))
    everybody = torch.from_numpy((base.targets[slates.entry] * slates.is_candidate).astype(np.float32)).to(device)
    targets, total = everybody[rows], losses.target_weights(everybody).sum()
    if kind == "softmax":
        return losses.softmax_loss(scores, is_candidate, targets, torch.from_numpy(slates.log_q[rows]).to(device), total)
    return {"bce": losses.bce_loss, "bpr": losses.bpr_loss}[kind](scores, is_candidate, targets, total)


def shows_a_sign(probed: Earned | None) -> bool:
    """Whether -log p of the validation weeks falls enough, crosswise, for a training to go on."""
    return probed is not None and probed.nll.z <= SIGN


def best_of(curve: Sequence[dict[str, float]]) -> dict[str, float]:
    """The epoch with the greatest gain on the validation weeks, the first of equals."""
    return max(curve, key=lambda row: row["gain"])
