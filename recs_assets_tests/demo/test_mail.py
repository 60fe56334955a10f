"""The logged mailings."""

from recs_assets_tests.demo.reading import Source


def test_each_stage_is_part_of_the_one_before(tiny: Source) -> None:
    mail = tiny.raw["email_events"]
    reached = {stage: set(zip(rows.user_id, rows.send_id, strict=True)) for stage, rows in mail.groupby("event_type")}
    assert reached["clicked"] < reached["opened"] < reached["delivered"] < reached["sent"]
    assert 0.1 < len(reached["opened"]) / len(reached["delivered"]) < 0.3


def test_only_those_who_agreed_get_mail(tiny: Source) -> None:
    refused = tiny.users[~tiny.users.email_consent].user_id
    assert len(refused) > 0
    assert not tiny.raw["email_events"].user_id.isin(refused).any()


def test_a_click_names_a_part_that_may_be_recommended(tiny: Source) -> None:
    mail = tiny.raw["email_events"]
    assert (mail.product_id.notna() == (mail.event_type == "clicked")).all()
    assert mail.product_id.dropna().isin(tiny.eligible.product_id).all()
