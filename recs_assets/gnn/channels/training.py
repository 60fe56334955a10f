"""Fitting the channel weights on snapshots of past weeks."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from recs_assets.gnn.channels.examples import Batch, Example, in_turn
from recs_assets.gnn.channels.gated_model import EpsilonEstimator, GatedChannels
from recs_assets.gnn.determinism import deterministic
from recs_assets.gnn.losses import softmax_loss, target_weights
from recs_assets.settings import Settings

log = logging.getLogger(__name__)

STEPS_BETWEEN_REPORTS = 50


class NoTrainingDataError(ValueError):
    """There is nothing to learn from; the message says in which weeks it was looked for."""


@dataclass(frozen=True)
class Fit:
    """A fitted model and how it got there: the loss of every step."""

    model: GatedChannels
    losses: list[float]


@deterministic("cpu")
def fit(examples: Sequence[Example], settings: Settings, report: Callable[[str], None] = log.info) -> Fit:
    """Fit the channel weights, one snapshot a step, the snapshots in a new order every epoch.

    AdamW (Loshchilov & Hutter 2019) with a one-cycle schedule (Smith & Topin 2019) minimises ``losses.softmax_loss`` and the
    surprise of a Gaussian prior: that the weights do not depend on the user's state. It weighs as much as
    ``model.gate_shrinkage`` purchases, so that a few hundred do not make a gate of chance, and many thousand hardly notice it.

    The same examples and settings give, with as many threads, the same weights to the bit on a CPU.

    Args:
        examples: the snapshots to learn from.
        settings: hyper-parameters in ``settings.model``.
        report: takes a line of progress every ``STEPS_BETWEEN_REPORTS`` steps.

    Raises:
        NoTrainingDataError: there is no example.
        FloatingPointError: the loss is not finite any more.
    """
    if not examples:
        raise NoTrainingDataError("no user took up anything new in any training week: there is nothing to fit.")
    options = settings.model
    torch.manual_seed(options.seed)
    estimator = EpsilonEstimator(options, [])
    for example in in_turn(examples):
        estimator.add(example.features)
    model = GatedChannels(options, estimator.epsilon())
    batches = [example.batch(model) for example in in_turn(examples)]
    shrinkage = options.gate_shrinkage / _purchases(batches)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=options.steps)
    shuffle = torch.Generator().manual_seed(options.seed)
    losses: list[float] = []
    started = time.monotonic()
    for step in range(options.steps):
        if step % len(batches) == 0:
            order = torch.randperm(len(batches), generator=shuffle).tolist()
        loss = _step(model, batches[order[step % len(batches)]], shrinkage, optimizer)
        schedule.step()
        losses.append(loss)
        if (step + 1) % STEPS_BETWEEN_REPORTS == 0:
            left = (time.monotonic() - started) / (step + 1) * (options.steps - step - 1)
            recent = np.mean(losses[-STEPS_BETWEEN_REPORTS:])
            report(f"step {step + 1} of {options.steps}: loss {recent:.4f}, {left:.0f} s left")
    return Fit(model.eval(), losses)


class _Lookup(torch.autograd.Function):
    """``functional.embedding`` of three numbers a part, its gradient the same to the bit in a tenth of the time: added up in the
    order of the entries."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
        """[users x candidates x channels] of ``values`` [products x channels] at ``product`` [users x candidates]."""
        context.save_for_backward(product)
        context.n_products = len(values)
        return functional.embedding(product, values)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """[products x channels]."""
        (product,) = context.saved_tensors
        n_entries = product.numel()
        entry = (np.ones(n_entries, np.float32), product.numpy().ravel(), np.arange(n_entries + 1, dtype=np.int32))
        of_products = sparse.csc_array(entry, shape=(context.n_products, n_entries))
        return torch.from_numpy(of_products @ gradient.numpy().reshape(n_entries, -1)), None


def _purchases(batches: Sequence[Batch]) -> float:
    """What the targets of all snapshots weigh together."""
    return sum(target_weights(batch.targets).sum().item() for batch in batches)


def _step(model: GatedChannels, batch: Batch, shrinkage: float, optimizer: torch.optim.Optimizer) -> float:
    log_shares = _Lookup.apply(model.log_shares(batch.popularity), batch.product)  # type: ignore[no-untyped-call]
    scores = model(batch.log_evidence, log_shares, batch.state)
    loss = softmax_loss(scores, batch.is_candidate, batch.targets, batch.log_q)
    if not torch.isfinite(loss):
        raise FloatingPointError(f"the training loss became {loss.item()}: lower model.learning_rate in the settings.")
    optimizer.zero_grad()
    torch.autograd.backward(loss + shrinkage / 2 * model.dependence())
    optimizer.step()
    return loss.item()
