"""What somebody has bought is not recommended again for as long as the settings say, however far the model looks back."""

import datetime as dt
from pathlib import Path

import pytest

from recs_assets_tests.busy_shop import LIMITS, busy_rows, busy_shop
from recs_assets_tests.small_shop import END
from recs_assets_tests.worlds import WEEK, messages, settings_with

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(("lookback_days", "exclude_bought_days"), [(60, 365), (365, 730), (365, 60)])
def test_orders_of_before_the_look_back_are_excluded(lookback_days: int, exclude_bought_days: int, tmp_path: Path) -> None:
    old = [(f"old{n}", f"u{n}", f"p{n % 30}", "order", END - 500 * DAY, f"old{n}", 1) for n in range(60)]
    bots = [(f"bot{n}", "u59", f"p{n}", "order", END - 3 * DAY, f"bot{n}", 1) for n in range(0, 30, 5)]
    place = busy_shop(tmp_path, {"events": [*busy_rows()["events"], *old, *bots]})
    keys = LIMITS | {
        "lookback_days": lookback_days,
        "rules": {"exclude_bought_days": exclude_bought_days},
        "source": LIMITS["source"] | {"max_events_per_user_week": 5},
    }
    place = type(place)(place.source, place.home, settings_with(tmp_path / "own", keys))
    assert messages(place.launch("everything", WEEK)) == {}
    events = f"'{place.source}/events.parquet'"
    since = END - exclude_bought_days * DAY
    again = f"""
        SELECT count(*) FROM recommendations
        SEMI JOIN (FROM {events} WHERE event_type = 'order' AND event_ts {{}} '{since}') USING (user_id, product_id)
    """
    assert place.query(again.format(">=")) == [(0,)]
    assert place.query("SELECT count(DISTINCT user_id) FROM recommendations") == [(60,)]
    assert place.query("SELECT decision FROM audits") == [("PASS",)]
    if exclude_bought_days < 500:
        assert place.query(again.format("<"))[0][0] > 0, "what was bought longer ago may come again"
    first = place.table("interaction_edges")["event_ts"].to_pylist()[0]
    assert first >= END - lookback_days * DAY, "the model sees nothing of it"
