"""A page as a program reads it: its figures by the names of their facts, its text, and what is in the tables behind them."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from recs_assets_tests.worlds import Place


class Page(HTMLParser):
    """The figures of a page, and the cells of its tables that hold digits and no figure."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.figures: dict[str, float] = {}
        self.bare_cells: list[str] = []
        self.words: list[str] = []
        self._cell, self._has_figure, self._is_silent = None, False, False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "data":
            value = float(named["value"] or "nan")
            assert self.figures.setdefault(str(named["data-fact"]), value) == value, named
            self._has_figure = True
        if tag == "td":
            self._cell, self._has_figure = "", named.get("class") == "version"
        self._is_silent = self._is_silent or tag in ("style", "svg")

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and not self._has_figure and any(letter.isdigit() for letter in self._cell or ""):
            self.bare_cells.append(str(self._cell))
        if tag == "td":
            self._cell = None
        self._is_silent = self._is_silent and tag not in ("style", "svg")

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell += data
        if not self._is_silent and data.strip():
            self.words.append(data.strip())


def page_of(place: Place, week: str) -> str:
    """The page that the newest run of a week left."""
    return place.artifact("release_report", week).path("release_report.html").read_text()


def behind(place: Place, week: str, measured_week: str, before: str | None) -> dict[str, float]:
    """Every fact of a page, counted a second time from Parquet and from the tables of the warehouse."""
    return (
        _evaluated(place, measured_week)
        | _verdict_figures(place, week)
        | _left(place, week)
        | _listed(place, week, before)
        | _parts(place, week, before)
    )


def _evaluated(place: Place, week: str) -> dict[str, float]:
    measured = place.artifact("offline_metrics", week)
    facts: dict[str, float] = {}
    for row in measured.table("metrics.parquet").to_pylist():
        system, stratum, metric, k, value = (row[name] for name in ("system", "stratum", "metric", "k", "value"))
        if stratum == "all":
            facts[f"metrics/{system}/{metric}/{k}"] = value
        if (metric, k) == ("recall", 10):
            facts[f"recall/{system}/{stratum}"] = value
            facts[f"channels/{stratum}/{system.removeprefix('channel_')}"] = value
            facts[f"users/{stratum}"] = row["users"]
        if metric == "nll":
            facts[f"nll/{system}/{stratum}"] = value
        if (system, metric) == ("blend", "first_changed_sql"):
            facts[f"first_changed/{k}"] = value
    for row in measured.table("metrics_by_relevance.parquet").to_pylist():
        if (row["stratum"], row["metric"], row["k"]) == ("all", "recall", 10):
            facts |= {f"by_mail/{row['relevance']}/{row['system']}": row["value"]}
            facts |= {f"by_mail/{row['relevance']}/users": row["users"]}
    per_user = measured.table("per_user.parquet").to_pandas()
    for system, rows in per_user.groupby("system"):
        # By the definition: a person's rows stand or fall together.
        mean, n_rows = rows["recall_at_10"].mean(), len(rows)
        sums = (rows["recall_at_10"] - mean).groupby(rows["user_id"]).sum()
        error = np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / n_rows
        facts[f"interval/{system}/low"] = max(0.0, mean - 1.959963984540054 * error)
        facts[f"interval/{system}/high"] = min(1.0, mean + 1.959963984540054 * error)
    facts |= _likelihoods(per_user)
    verdict = measured.document("verdict.json")
    for stratum, figures in verdict["strata"].items():
        facts |= {f"strata/{stratum}/{name}": figures[name] for name in ("lift", "low", "high") if figures[name] is not None}
    purchases = {row["reason"]: row["purchases"] for row in measured.table("ceiling.parquet").to_pylist()}
    total = sum(purchases.values())
    lost = sum(count for reason, count in purchases.items() if reason not in ("fits", "universal", "any part"))
    facts |= {"purchases": total, "unreachable/count": lost, "unreachable/share": lost / total}
    facts |= {f"purchases/{reason}": count for reason, count in purchases.items()}
    return facts | {f"purchases_share/{reason}": count / total for reason, count in purchases.items()}


def _likelihoods(per_user: pd.DataFrame) -> dict[str, float]:
    facts: dict[str, float] = {}
    for system, rows in per_user.groupby("system"):
        known = rows[rows["nll"].notna()]
        if not len(known):
            continue
        facts |= {f"nll/{system}/{stratum}": mean for stratum, mean in known.groupby("stratum")["nll"].mean().items()}
        mean = facts[f"nll/{system}/all"] = known["nll"].mean()
        sums = (known["nll"] - mean).groupby(known["user_id"]).sum()
        reach = 1.959963984540054 * np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()) / len(known)
        facts |= {f"nll_interval/{system}/low": mean - reach, f"nll_interval/{system}/high": mean + reach}
        facts[f"nll_users/{system}"] = len(sums)
        facts[f"nll_left_out/{system}"] = rows["user_id"].nunique() - len(sums)
    return facts


def _verdict_figures(place: Place, week: str) -> dict[str, float]:
    facts: dict[str, float] = {}
    rows = place.query(f"SELECT week, figures_json FROM verdicts WHERE gate = 'gate_1' AND week <= '{week}' ORDER BY judged_at")
    for of_week, text in rows:
        figures = json.loads(text)
        facts |= {f"weeks/{of_week}/{name}": figures[name] for name in ("lift", "low", "high", "users")}
    for gate, text in place.query(f"SELECT gate, figures_json FROM verdicts WHERE week = '{week}' ORDER BY judged_at"):
        figures = json.loads(text)
        if gate == "score_drift" and figures["psi"] is not None:
            facts["drift/psi"] = figures["psi"]
        if gate == "overlap" and figures["compared"]:
            facts["drift/kept"] = figures["kept"] / figures["compared"]
    return facts


def _left(place: Place, week: str) -> dict[str, float]:
    reasons = place.table("product_nodes", week)["ineligible_reason"].to_pylist()
    facts: dict[str, float] = {"rules/parts": len(reasons), "rules/left": reasons.count(None)}
    for reason in set(reasons) - {None}:
        facts |= {f"rules/out/{reason}": reasons.count(reason), f"rules/share/{reason}": reasons.count(reason) / len(reasons)}
    counts = place.query(f"SELECT source_table, reason, count(*) FROM quarantine WHERE week = '{week}' GROUP BY ALL")
    return facts | {f"left_out/{table}/{reason}": count for table, reason, count in counts}


def _lists(place: Place, week: str | None) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    if week is None:
        return lists
    for user, part in place.query(
        f"SELECT user_id, product_id FROM recommendations WHERE week = '{week}' ORDER BY user_id, rank"
    ):
        lists.setdefault(user, []).append(part)
    return lists


def _listed(place: Place, week: str, before: str | None) -> dict[str, float]:
    now, earlier = _lists(place, week), _lists(place, before)
    both = now.keys() & earlier.keys()
    facts: dict[str, float] = {
        "rules/people": len(now),
        "rules/short": sum(len(parts) < 20 for parts in now.values()),
        "served/rows": sum(len(parts) for parts in now.values()),
        "lists/compared": len(both),
    }
    if both:
        facts["lists/changed"] = sum(now[user][:4] != earlier[user][:4] for user in both) / len(both)
    for code, rank in place.query(f"SELECT reason_code, rank FROM recommendations WHERE week = '{week}'"):
        facts[f"reasons/{code}"] = facts.get(f"reasons/{code}", 0) + 1
        facts[f"reasons_first/{code}"] = facts.get(f"reasons_first/{code}", 0) + (rank <= 4)
    return facts


def _parts(place: Place, week: str, before: str | None) -> dict[str, float]:
    now, earlier = _lists(place, week), _lists(place, before)
    parts = {row["product_id"]: row for row in place.table("product_nodes", week).to_pylist()}
    shown, shown_before = ({part for listed in lists.values() for part in listed} for lists in (now, earlier))
    first, first_before = ([part for listed in lists.values() for part in listed[:4]] for lists in (now, earlier))
    facts: dict[str, float] = {
        "lists/gained": len(shown - shown_before),
        "lists/lost": len(shown_before - shown),
        "lists/shown": len(shown),
        "lists/most": max(first.count(part) for part in set(first)) / len(now),
        "lists/price": float(np.mean([parts[part]["price"] for part in first])),
    }
    if first_before:
        facts["lists/price_before"] = float(np.mean([parts[part]["price"] for part in first_before if part in parts]))
    facts |= {f"n_lists/{part}": sum(part in listed for listed in now.values()) for part in shown}
    facts |= {f"n_lists_before/{part}": sum(part in listed for listed in earlier.values()) for part in shown_before}
    for name, listed in (("types", first), ("types_before", first_before)):
        of_first = [parts[part]["part_type"] if part in parts else "not sold any more" for part in listed]
        kinds = {row["part_type"] for row in parts.values()} | {"not sold any more"}
        facts |= {f"{name}/{kind}": of_first.count(kind) / max(1, len(of_first)) for kind in kinds}
    return facts
