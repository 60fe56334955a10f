"""Jobs as the stand-in has recorded them: of which step each is, and which of our tables each account of Kubernetes touches."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

import recs_assets
from recs_assets import definitions, pods
from recs_assets.resources.bigquery.client import Places
from recs_assets_tests.emulated.comparison import Line

DEPLOY = Path(recs_assets.__file__).parent / "deploy" / "README.md"
# The columns of its table that have rights on single ledgers, as settings call their accounts.
COLUMNS = ("recs-exporter", "recs-trainer")


def labelled(places: Places) -> Line:
    """Whether every job that names our own datasets says of which step it is."""
    ours = [job for job in places.client.list_jobs(max_results=100_000) if _names(job, (places.tables, places.scratch))]
    unlabelled = sorted(
        {str(job.query if job.job_type == "query" else job.job_id)[:80] for job in ours if "asset" not in job.labels}
    )
    return Line("labels", len(ours), f"without: {unlabelled[:3]}" if unlabelled else None)


def _names(job: Any, datasets: Sequence[str]) -> bool:
    if job.job_type == "load":
        return f"{job.destination.project}.{job.destination.dataset_id}" in datasets
    return any(f"{dataset}." in job.query for dataset in datasets)


def granted() -> dict[str, set[str]]:
    """The ledgers that ``deploy/README.md`` gives to each account that has no rights on the whole dataset."""
    ledgers: dict[str, set[str]] = {account: set() for account in COLUMNS}
    for line in DEPLOY.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("its ledger"):
            for account, cell in zip(COLUMNS, cells[2:], strict=False):
                ledgers[account] |= set(re.findall(r"`(\w+)`", cells[0])) if cell == "yes" else set()
    return ledgers


def accounts() -> Mapping[str, str]:
    """The account of each asset's steps, by the label of their jobs."""
    assets = [asset for asset in definitions.defs.assets or () if isinstance(asset, dg.AssetsDefinition)]
    ops = {op.name: op for asset in assets for op in asset.node_def.iterate_op_defs()}
    return {name: _config(op)["pod_spec_config"]["service_account_name"] for name, op in ops.items() if pods.TAG in op.tags}


def _config(op: dg.OpDefinition) -> Any:
    tag = op.tags[pods.TAG]
    return json.loads(tag) if isinstance(tag, str) else tag


def touched(places: Places) -> dict[str, set[str]]:
    """The tables of our own dataset that the jobs of each account name."""
    ours, of = re.compile(rf"{re.escape(places.tables)}\.(\w+)"), accounts()
    tables: dict[str, set[str]] = defaultdict(set)
    for job in places.client.list_jobs(max_results=100_000):
        account = of.get((job.labels or {}).get("asset", ""))
        if account is not None and job.job_type == "query":
            tables[account] |= set(ours.findall(job.query))
    return tables


def compared_rights(places: Places) -> Line:
    """Whether the accounts that have rights on single tables of ours have them on all that their jobs name."""
    may, did = granted(), touched(places)
    lacking = [f"{account} has no right on {', '.join(sorted(did[account] - may[account]))}" for account in may]
    told = "; ".join(text for account, text in zip(may, lacking, strict=True) if did[account] - may[account])
    return Line("rights", sum(len(did[account]) for account in may), told or None)
