"""Training in several processes of this machine, started as ``torchrun --nproc-per-node`` starts them."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from recs_assets.gnn.checkpoints import Checkpoints
from recs_assets.gnn.device import device_of
from recs_assets.gnn.towers.examples import TowerExample
from recs_assets.gnn.towers.training import TowerFit, fit_towers
from recs_assets.settings import Settings

log = logging.getLogger(__name__)


def fit_towers_together(
    training: Sequence[TowerExample],
    validation: Sequence[TowerExample],
    settings: Settings,
    *,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = log.info,
) -> TowerFit:
    """As ``fit_towers``, in ``towers.processes`` processes that share this one's cores, and its GPUs one each.

    Their lines of progress go to this process's standard error.

    Raises:
        ValueError: there are fewer GPUs than processes.
        FloatingPointError: as ``fit_towers``.
        ChildFailedError: a process has ended by itself; the others are ended, and the last checkpoint stays.
    """
    options = settings.towers
    if options.processes == 1:
        return fit_towers(training, validation, settings, checkpoints=checkpoints, warm=warm, report=report)
    if device_of(options) == "cuda" and options.processes > torch.cuda.device_count():
        raise ValueError(
            f"towers.processes is {options.processes}, and there are {torch.cuda.device_count()} GPUs: on GPUs each process has "
            "one of its own. Lower it, or raise pods.trainer.gpus."
        )
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=options.processes,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        run_id=str(os.getpid()),
        max_restarts=0,  # the next run goes on from the last checkpoint
    )
    report(f"{options.processes} processes train the towers together")
    light = ([_without_features(example) for example in examples] for examples in (training, validation))
    with _own_signals():
        ended: dict[int, TowerFit | FloatingPointError] = elastic_launch(config, _train)(
            os.getpid(), *light, settings, checkpoints, warm
        )
    if isinstance(ended[0], FloatingPointError):
        raise ended[0]
    return ended[0]


def _train(
    parent: int,
    training: Sequence[TowerExample],
    validation: Sequence[TowerExample],
    settings: Settings,
    checkpoints: Checkpoints,
    warm: Mapping[str, Any] | None,
) -> TowerFit | FloatingPointError | None:
    """One of the processes; the first one says what came of it."""
    is_first = os.environ["RANK"] == "0"
    logging.basicConfig(level=logging.INFO if is_first else logging.WARNING, format="%(message)s", stream=sys.stderr)
    torch.set_num_threads(max(1, settings.compute.cores // settings.towers.processes))

    def alive(line: str) -> None:
        log.info(line)
        if os.getppid() != parent:
            raise SystemExit("the run has ended, and so does its training")

    try:
        fitted = fit_towers(training, validation, settings, checkpoints=checkpoints, warm=warm, report=alive)
    except FloatingPointError as error:  # told in one message, as of a training in one process
        return error
    return fitted if is_first else None


def _without_features(example: TowerExample) -> TowerExample:
    """Without what the channels alone read, most of what would be copied to every process."""
    return replace(example, base=replace(example.base, features=example.base.features[:, :0]))


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give back the signals that the launcher takes, on which it ends its processes."""
    taken = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in taken]
    try:
        yield
    finally:
        for number, handler in zip(taken, before, strict=True):
            signal.signal(number, handler)
