"""What becomes of a night whose mail is not like the one that is served."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from recs_assets_tests.assets.test_publishing import LAST_STEPS, unpublished
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import NEXT_WEEK, checks, materialized, messages, metadata, settings_with


def test_a_mail_to_nobody_says_so(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path, settings=settings_with(tmp_path / "own", {"gates": {"min_mails_share": None}}))
    users = place.read_source("users")
    nobody = pa.nulls(users.num_rows, pa.bool_())
    place.rewrite("users", users.set_column(users.schema.get_field_index("email_consent"), "email_consent", nobody))
    result = place.materialize(LAST_STEPS, NEXT_WEEK)
    assert result.success
    assert place.query("SELECT count(*) FROM final_vehicle_recommendations") == [(0,)]
    assert not checks(result)["recommendations", "mail_reach"]
    ((decision, reason),) = place.query(
        f"SELECT decision, reason FROM verdicts WHERE gate = 'mail_reach' AND run_id = '{result.run_id}'"
    )
    assert decision == "WARN"
    assert reason.startswith("the mail reaches 0 of 500 people with a list: 0 said no, ")
    assert "(mail.without_consent_flag: hold). Where people without a flag may be mailed, set it to send" in reason


def test_a_mail_to_half_of_those_who_had_the_last_one_blocks_publishing(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    before = place.served()
    users = place.read_source("users").to_pandas()
    users["email_consent"] = [None if row % 2 else consent for row, consent in enumerate(users["email_consent"])]
    place.rewrite("users", pa.Table.from_pandas(users, preserve_index=False))
    result = place.materialize(LAST_STEPS, NEXT_WEEK)
    # That fewer than half of all people are reached is a warning; that half of the last mail's are lost is none.
    failed = {check.check_name: set(check.metadata) for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {"mail": {"mails_fewer_than_allowed"}, "mail_reach": {"decision", "reason"}}
    assert "mails fewer than allowed. The served table stays" in metadata(result, "recommendations")["reason"]
    assert "published_recommendations" not in materialized(result)
    assert place.served() == before
    # Whoever means it says so.
    settings = settings_with(tmp_path / "own", {"gates": {"min_mails_share": None}})
    assert replace(place, settings=settings).materialize(LAST_STEPS, NEXT_WEEK).success
    (n_mailed,) = place.query("SELECT count(*) FROM final_vehicle_recommendations")[0]
    assert 0 < n_mailed < len(before[1]) * 0.6


def test_a_mail_of_other_slots_is_staged_with_a_warning_and_refused(
    night: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = unpublished(night, tmp_path, {"rules": {"list_length": 10, "slots": 3}})
    before = place.served()
    told = messages(place.materialize(LAST_STEPS, NEXT_WEEK))["published_recommendations"]
    unlike = "a mail of 3 slots cannot take the place of that of 4 in final_vehicle_recommendations"
    assert f"week {NEXT_WEEK} cannot be published as it is: {unlike}" in caplog.text
    assert unlike in told
    assert "ALTER TABLE final_vehicle_recommendations DROP COLUMN rec_part_4" in told
    assert place.served() == before
