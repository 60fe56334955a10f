"""The tiny world through both columns of targets: BigQuery and a bucket, stood in for, and DuckDB and a folder.

The jobs weekly and nightly run with each, as a person runs them; what they have made is compared, and the jobs are listed as the
stand-in has recorded them. 1 where anything differs.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import yaml

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.folder import Folder
from recs_assets.resources.store.store import Store
from recs_assets_tests.emulated.comparison import compared_files, compared_rows, of_bigquery, of_duckdb
from recs_assets_tests.emulated.rights import compared_rights, labelled
from recs_assets_tests.stand_ins import servers
from recs_assets_tests.stand_ins.places import environment, fill_source, new_places, source_of
from recs_assets_tests.worlds import NEXT_WEEK, SMALL_TOWERS, TINY_GATES, WEEK

BUCKET = "recs-emulated"
JOBS = (("weekly", WEEK), ("nightly", NEXT_WEEK))


def main() -> int:
    """Run, compare, print; whether anything differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world, settings = folder / "world", folder / "settings.yaml"
        write_world(world, PRESETS["tiny"], seed=1)
        settings.write_text(yaml.safe_dump({"gates": TINY_GATES, "towers": SMALL_TOWERS}))
        with servers.storage_server(folder) as storage, servers.bigquery_server(folder, storage.objects) as bigquery:
            storage.make_bucket(BUCKET)
            places = new_places(bigquery)
            fill_source(places, source_of(world))
            emulated = {"RECS_TARGET": "gcp", "RECS_BUCKET": BUCKET, "STORAGE_EMULATOR_HOST": storage.url, **environment(places)}
            for column, variables in (("gcp", emulated), ("local", {"RECS_TARGET": "local", "RECS_SOURCE": str(world)})):
                _run(folder / column, {"RECS_SETTINGS": str(settings), **variables})
            lines = compared_rows(of_bigquery(places), of_duckdb(folder / "local" / "warehouse.duckdb"))
            bucket = Store(Bucket(BUCKET, folder / "reader", endpoint=storage.url))
            lines.append(compared_files(bucket, Store(Folder(folder / "local" / "store")), [WEEK, NEXT_WEEK]))
            lines += [labelled(places), compared_rights(places)]
            print("\nBigQuery and a bucket, stood in for, beside DuckDB and a folder:")
            print("\n".join(map(str, lines)))
            _print_jobs(places)
    return int(any(line.difference for line in lines))


def _run(home: Path, variables: Mapping[str, str]) -> None:
    """Both jobs in a home of their own, with nothing else of the environment's that names a place."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("RECS_", "DAGSTER_"))}
    own |= {"RECS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), **variables}
    for job, week in JOBS:
        begun = time.monotonic()
        command = [sys.executable, "-m", "recs_assets", "run", job, "--week", week]
        done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{job} of {week} failed with RECS_TARGET={variables['RECS_TARGET']}:\n{done.stdout}\n{done.stderr}")
        print(f"{variables['RECS_TARGET']:<6} {job:<8} of {week}: {time.monotonic() - begun:.0f} s", flush=True)


def _print_jobs(places: Places) -> None:
    """Each asset's jobs by the labels that the stand-in has recorded, and the id of one of them."""
    jobs = defaultdict(list)
    for job in places.client.list_jobs(max_results=100_000):
        labels = job.labels or {}
        if labels.get("asset") and not getattr(job, "dry_run", False):
            jobs[labels["asset"], labels.get("week", ""), labels.get("run", "")].append(job.job_id)
    print("\nJobs by their labels, as the stand-in has recorded them:")
    print(f"  {'asset':<26} {'week':<10} {'run':<36} {'jobs':>5}   the last one's id")
    for (asset, week, run), ids in sorted(jobs.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])):
        print(f"  {asset:<26} {week:<10} {run:<36} {len(ids):>5}   {ids[0]}")


if __name__ == "__main__":
    sys.exit(main())
