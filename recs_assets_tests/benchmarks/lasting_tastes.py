"""A week's training in a shop whose tastes last: what real people took of real things, on days sampled at random.

python -m recs_assets_tests.benchmarks.lasting_tastes --data ../shared/data/benchmarks/gowalla --people 4000

No fashion, no season, nothing that is known of parts or vehicles: who takes alike is all that there is to learn, for as long as
the log goes back. Evidence that fades loses here to what does not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recs_assets.asset_files import METRICS
from recs_assets.cutoff import K
from recs_assets.demo.tables import TIMESTAMP, numbered
from recs_assets.experiments.reference.splits import read_split
from recs_assets.ranking.sparse_matrices import row_of_entry
from recs_assets.resources.store.store import Store
from recs_assets_tests.faults.homes import Home

WEEK = "2026-09-28"
END, WEEKS = pd.Timestamp("2026-10-05", tz="UTC"), 40
FEWEST_PEOPLE = 5  # who take a thing, for it to be in the catalogue
SHOP = Path(__file__).parents[2] / "recs_assets" / "demo" / "online_retail.yaml"


def main() -> int:
    """Print Recall@10 of every system on the held-out weeks."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets_tests.benchmarks.lasting_tastes", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with train.parquet and test.parquet")
    parser.add_argument("--people", type=int, default=4_000, help="sampled of those in the data, or all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fading", action="store_true", help="without the channels that forget nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home", Path(folder) / "shop")
        write_shop(options.data, home.source, options.people, options.seed)
        settings = Path(folder) / "settings.yaml"
        fading = "model:\n  undecayed_walk: false\n  ease: false\n" if options.fading else ""
        settings.write_text(f"{SHOP.read_text()}towers:\n  encoder: none\n{fading}")
        home.finish("run", "weekly", "--week", WEEK, RECS_SETTINGS=str(settings))
        store = Store(home.folder / "store")
        measured = store.current("offline_metrics", WEEK).table(METRICS).to_pandas()
        for name, words in store.current("trained_model", WEEK).facts["optional_channels"].items():
            print(f"{name} is {words}")
    together = measured[(measured["metric"] == "recall") & (measured["k"] == K) & (measured["stratum"] == "all")]
    print(together.set_index("system")["value"].sort_values().to_string(float_format="{:.4f}".format))
    return 0


def write_shop(data: Path, folder: Path, n_people: int, seed: int) -> None:
    """Source tables in ``folder`` from a data set without time: one vehicle, which one person owns and one part fits."""
    random, split = np.random.default_rng(seed), read_split(data)
    sampled = random.choice(split.train.shape[0], min(n_people, split.train.shape[0]), replace=False)
    held_out = split.held_out[split.held_out["profile"].isin(sampled)]
    train = split.train[np.sort(sampled)]
    taken = pd.DataFrame({"person": np.sort(sampled)[row_of_entry(train)], "thing": train.indices})
    taken = pd.concat([taken, held_out.set_axis(["person", "thing"], axis=1)], ignore_index=True)
    taken = taken[taken.groupby("thing")["person"].transform("nunique") >= FEWEST_PEOPLE]
    at = END - pd.to_timedelta(random.integers(1, WEEKS * 7 * 24 * 3600, len(taken)), unit="s")
    people, things = (numbered(kind, np.unique(taken[kind]), 6) for kind in ("person", "thing"))
    orders, since = numbered("order", np.arange(len(taken)), 7), pa.scalar(END - pd.Timedelta(weeks=WEEKS), TIMESTAMP)
    tables = {
        "users": {
            "user_id": people,
            "email": [f"{person}@example.com" for person in people],
            "created_at": pa.repeat(since, len(people)),
            "email_consent": pa.repeat(True, len(people)),
        },
        "products": {
            "product_id": things,
            "part_type": pa.repeat("thing", len(things)),
            "price": pa.repeat(100.0, len(things)),
            "image_url": [f"https://example.com/{thing}.png" for thing in things],
            "is_universal": pa.repeat(True, len(things)),
            "created_at": pa.repeat(since, len(things)),
        },
        "events": {
            "event_id": orders,
            "user_id": numbered("person", taken["person"].to_numpy(), 6),
            "product_id": numbered("thing", taken["thing"].to_numpy(), 6),
            "event_type": pa.repeat("order", len(taken)),
            "event_ts": pa.array(at, TIMESTAMP),
            "order_id": orders,
        },
        "vehicles": {"vehicle_id": ["any"], "year": pa.array([2000], pa.int32()), "make": ["Any"], "model": ["Any"]},
        "fitment": {"product_id": things[:1], "vehicle_id": ["any"]},
        "ownership": {
            "user_id": people[:1],
            "vehicle_id": ["any"],
            "slot": pa.array([1], pa.int32()),
            "added_at": pa.repeat(since, 1),
        },
    }
    folder.mkdir(parents=True)
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


if __name__ == "__main__":
    sys.exit(main())
