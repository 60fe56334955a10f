"""The logged mailings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recs_assets.demo.mail import Experiment
from recs_assets.demo.mailing import CLICKED, DELIVERED, Audience, mailed
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import existing, write_world
from recs_assets.rollout.arms import bucket
from recs_assets_tests.demo.reading import Source


def test_each_stage_is_part_of_the_one_before(tiny: Source) -> None:
    mail = tiny.raw["email_events"]
    reached = {stage: set(zip(rows.user_id, rows.send_id, strict=True)) for stage, rows in mail.groupby("event_type")}
    # A machine clicks without opening.
    assert reached["clicked"] | reached["opened"] < reached["delivered"] < reached["sent"]
    assert 0.1 < len(reached["opened"]) / len(reached["delivered"]) < 0.3


def test_only_those_who_agreed_get_mail(tiny: Source) -> None:
    refused = tiny.users[~tiny.users.email_consent].user_id
    assert len(refused) > 0
    assert not tiny.raw["email_events"].user_id.isin(refused).any()


def test_a_click_names_a_part_that_may_be_recommended(tiny: Source) -> None:
    mail = tiny.raw["email_events"]
    assert (mail.product_id.notna() == mail.event_type.isin(["sent", "clicked"])).all()
    assert mail.product_id.dropna().isin(tiny.eligible.product_id).all()


def test_a_click_is_on_a_part_that_the_mail_held(tiny: Source) -> None:
    named = {
        stage: set(zip(rows.user_id, rows.send_id, rows.product_id, strict=True))
        for stage, rows in tiny.raw["email_events"].groupby("event_type")
    }
    assert named["clicked"] <= named["sent"]


def test_the_treated_click_as_much_more_as_was_asked_for() -> None:
    rng, people = np.random.default_rng(1), np.arange(200_000)
    audience = Audience.sampled(rng, people.size)
    factor = np.where(people % 2 == 0, 1.2, 1.0)
    log = mailed(rng, audience, people, number=0, sent_at=0, click_factor=factor)
    clicks = log.user[(log.stage == CLICKED) & ~audience.scanned[log.user]]
    assert (clicks % 2 == 0).sum() / (clicks % 2 == 1).sum() == pytest.approx(1.2, abs=0.08)


def test_every_fourth_mailing_loses_a_burst() -> None:
    rng, people = np.random.default_rng(1), np.arange(20_000)
    audience = Audience.sampled(rng, people.size)
    delivered = [
        (mailed(rng, audience, people, number=n, sent_at=0, click_factor=np.ones(people.size)).stage == DELIVERED).mean()
        for n in (2, 3)
    ]
    assert delivered[1] < delivered[0]


def test_a_world_whose_mail_had_an_experiment(tiny: Source, tmp_path: Path) -> None:
    asked = Experiment("2026-11-30", share=0.25, lift=-1.0, fault="late")
    assert write_world(tmp_path, PRESETS["tiny"], experiment=asked).written
    assert not write_world(tmp_path, PRESETS["tiny"], experiment=asked).written
    summary = existing(tmp_path)
    assert summary is not None
    assert summary.experiment == asked
    plain, mail = tiny.raw["email_events"], pd.read_parquet(tmp_path / "email_events.parquet")
    treated = {user: bucket("2026-11-30", user) < 2_500 for user in plain["user_id"].unique()}

    def people(log: pd.DataFrame, stage: str, *, are_treated: bool) -> int:
        reached = log[log["event_type"] == stage]
        return int((reached["user_id"].map(treated) == are_treated).sum())

    assert people(mail, "clicked", are_treated=True) < 0.3 * people(plain, "clicked", are_treated=True)
    assert people(mail, "clicked", are_treated=False) > 0.7 * people(plain, "clicked", are_treated=False)
    delivered = [log.query("event_type == 'delivered'").groupby("send_id").size()["mailing-4"] for log in (mail, plain)]
    assert delivered[0] < 0.4 * delivered[1]


def test_a_sender_may_skip_some_of_the_treated(tiny: Source, tmp_path: Path) -> None:
    write_world(tmp_path, PRESETS["tiny"], experiment=Experiment("e", fault="unequal"))
    plain, mail = tiny.raw["email_events"], pd.read_parquet(tmp_path / "email_events.parquet")
    before, after = (
        log.query("event_type == 'sent'")
        .drop_duplicates(["user_id", "send_id"])["user_id"]
        .map(lambda user: bucket("e", user) < 5_000)
        for log in (plain, mail)
    )
    assert after.sum() / before.sum() == pytest.approx(0.92, abs=0.03)
    assert (~after).sum() == (~before).sum()
