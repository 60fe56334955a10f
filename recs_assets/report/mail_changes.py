"""What a staged mail changes against the last one, for the team that sends it, before it is published or after."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recs_assets.asset_files import PRODUCT_NODES, STAGED
from recs_assets.report.pseudonyms import Pseudonyms
from recs_assets.report.sheet import page
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.lineage import origins_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings


@dataclass(frozen=True)
class MailChanges:
    """Two mails compared.

    Attributes:
        week: of the mail to come.
        before: the week of the last one.
        is_published: it is the mail that was published; otherwise it was made and checked alone.
        segments: rows of ``mail_changes``.
        parts: rows of ``mail_part_changes``, with the title.
        samples: rows of ``mail_samples``, with an id of this comparison alone in the place of the address.
    """

    week: str
    before: dt.date
    is_published: bool
    segments: Sequence[Mapping[str, Any]]
    parts: Sequence[Mapping[str, Any]]
    samples: Sequence[Mapping[str, Any]]

    @property
    def summary(self) -> str:
        """What changes, in a sentence or two."""
        names = ("n_now", "n_joining", "n_the_same", "n_all_new", "n_leaving")
        now, joining, the_same, all_new, leaving = (sum(row[name] for row in self.segments) for name in names)
        return (
            f"Of {now:,} mails {joining:,} go to people who got none the last time, {the_same:,} are as the last one, and "
            f"{all_new:,} keep none of its parts. {leaving:,} people get no mail any more."
        )


def gather(warehouse: Warehouse, store: Store, settings: Settings, week: str) -> MailChanges:
    """What the newest staged mail of a week changes.

    Raises:
        StoreError: there is none, or no mail before it.
    """
    listed, day = store.current("recommendations", week), dt.date.fromisoformat(week)
    staged = listed.document(STAGED)
    with warehouse.session() as session:
        last = session.rows("other_mail", table_name=staged["wide_table"])
        published = {row["run_id"] for row in session.rows("publications", week=day)}
    if not last:
        raise StoreError(f"there is no mail before that of week {week}: all of it is new.")
    tables = {"staged": staged["long_table"], "mail": staged["wide_table"], "mail_before": last[0]["wide_table"]}
    ids = Pseudonyms()
    with warehouse.session(tables) as session:
        session.materialize("mail_addresses", "mail_addresses", now=dt.datetime.now(dt.UTC), **settings.mail.parameters)
        session.materialize("mail_slots", "mail_slots", slots=settings.rules.slots)
        session.materialize("mail_compared", "mail_compared", week=day)
        segments, parts, samples = (session.rows(name) for name in ("mail_changes", "mail_part_changes", "mail_samples"))
    products = origins_of(store, listed, ["product_nodes"])["product_nodes"].table(PRODUCT_NODES, columns=["product_id", "title"])
    titles = dict(zip(products["product_id"].to_pylist(), products["title"].to_pylist(), strict=True))
    return MailChanges(
        week,
        last[0]["week"],
        listed.manifest.provenance.run_id in published,
        segments,
        [row | {"title": titles.get(row["product_id"])} for row in parts],
        [_without_address(row, ids) for row in samples],
    )


def _without_address(row: Mapping[str, Any], ids: Pseudonyms) -> dict[str, Any]:
    return {"id": ids.of(row["email_lower"])} | {name: row[name] for name in ("segment", "parts_before", "parts_now")}


def write(changes: MailChanges, folder: Path) -> Path:
    """Write the page; where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet = folder / f"mail_changes_{changes.week}.html"
    sheet.write_text(page("mail_changes.html", changes=changes))
    return sheet


def lines(changes: MailChanges) -> Iterator[str]:
    """The same for a terminal."""
    yield f"The mail of week {changes.week} against the last one, of week {changes.before}:"
    yield f"  {changes.summary}"
    yield f"  {'segment':8} {'before':>8} {'now':>8} {'joining':>8} {'leaving':>8} {'the same':>8} {'all new':>8} {'repriced':>8}"
    names = ("n_before", "n_now", "n_joining", "n_leaving", "n_the_same", "n_all_new", "n_repriced")
    for row in changes.segments:
        yield f"  {row['segment']:8} " + " ".join(f"{row[name]:8,}" for name in names)
    for row in changes.parts[:5]:
        yield f"  {row['product_id']}: in {row['n_before']:,} mails before, in {row['n_now']:,} now"
