"""Alerts, sent to real servers: good ones, one that hangs, one that fails, and none at all."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recs_assets import alerts, settings_file
from recs_assets.alert_settings import AlertsSettings
from recs_assets.alerts import Alert, first_words, send
from recs_assets.settings_file import SettingsError
from recs_assets_tests.alert_servers import MailServer, Webhook, serving

ALERT = Alert("run failed", "nightly failed.", "Look at: make status.", "2026-10-05", "4f1c")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(alerts, "TIMEOUT_SECONDS", 0.3)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


def told(**changes: Any) -> AlertsSettings:
    return AlertsSettings.model_validate(settings_file.load().alerts.model_dump() | changes)


def by_mail(server: MailServer, **changes: Any) -> AlertsSettings:
    whom = {"smtp_from": "recs@shop.test", "smtp_to": ("ops@shop.test",), "smtp_tls": "none"}
    return told(**{"smtp_host": "127.0.0.1", "smtp_port": server.port} | whom | changes)


def test_where_nobody_is_set_nobody_is_told() -> None:
    assert send(ALERT, settings_file.load().alerts)


def test_a_webhook_gets_json_that_a_person_and_a_machine_can_read() -> None:
    with serving(Webhook()) as hook:
        assert send(ALERT, told(webhook_url=hook.url))
    assert hook.got == [
        {
            "subject": "recs_assets: run failed (week 2026-10-05)",
            "kind": "run failed",
            "text": "recs_assets: run failed (week 2026-10-05): nightly failed. Look at: make status.",
            "look": "Look at: make status.",
            "week": "2026-10-05",
            "run_id": "4f1c",
        }
    ]


def test_mail_is_sent_in_plain_words(mail_server: MailServer) -> None:
    assert send(ALERT, by_mail(mail_server))
    (message,) = mail_server.got
    assert "Subject: recs_assets: run failed (week 2026-10-05)\r\n" in message
    assert message.endswith("\r\n\r\nnightly failed.\r\nLook at: make status.\r\n")


@pytest.mark.parametrize(
    ("statuses", "arrived", "tries"), [((500, 200), True, 2), ((500,), False, alerts.TRIES), ((404,), False, 1)]
)
def test_a_server_that_fails_is_asked_again_and_one_that_refuses_is_not(
    statuses: tuple[int, ...], arrived: bool, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Webhook(*statuses)) as hook:
        assert send(ALERT, told(webhook_url=hook.url)) == arrived
    assert len(hook.got) == tries
    assert (caplog.text == "") == arrived
    assert hook.url not in caplog.text


def test_a_server_that_hangs_is_left_and_the_mail_still_goes(mail_server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    with serving(Webhook(hangs=True)) as hook:
        assert not send(ALERT, by_mail(mail_server, webhook_url=hook.url))
    assert len(hook.got) == alerts.TRIES
    assert len(mail_server.got) == 1
    assert caplog.messages == ["an alert could not be sent by webhook: TimeoutError"]


def test_a_mail_server_that_is_not_there_or_has_no_tls_is_an_alert_that_is_not_sent(mail_server: MailServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert not send(ALERT, by_mail(mail_server, smtp_port=closed.getsockname()[1]))
    assert not send(ALERT, by_mail(mail_server, smtp_tls="starttls"))
    assert mail_server.got == []


def test_a_secret_stands_in_the_environment_and_in_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Webhook()) as hook:
        monkeypatch.setenv("RECS_HOOK", hook.url)
        assert send(ALERT, told(webhook_url="$RECS_HOOK"))
        assert len(hook.got) == 1
        monkeypatch.setenv("RECS_HOOK", "file:///secret-3f9a61")
        assert not send(ALERT, told(webhook_url="$RECS_HOOK"))
        monkeypatch.setenv("RECS_HOOK", "http://[secret-3f9a61/")
        assert not send(ALERT, told(webhook_url="$RECS_HOOK"))
        monkeypatch.delenv("RECS_HOOK")
        assert not send(ALERT, told(webhook_url="$RECS_HOOK"))
    assert "secret" not in caplog.text
    assert "the environment variable RECS_HOOK, which a setting of alerts names, is not set" in caplog.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("alerts: {smtp_host: mail}", "smtp_host needs smtp_from and smtp_to"),
        ("alerts: {smtp_user: recs}", "smtp_user and smtp_password go together"),
        ("alerts: {smtp_user: recs, smtp_password: canary}", "alerts.smtp_password: String should match pattern"),
        ("alerts: {webhook_url: hook}", "alerts.webhook_url: String should match pattern"),
        ("alerts: {published_by: '6'}", "alerts.published_by: String should match pattern"),
        ("schedules: {first_week: '2026-10-06'}", "week 2026-10-06 is not a Monday"),
        ("schedules: {first_week: '1999-01-04'}", "no week before 2010-01-04 can be run"),
        (
            "schedules: {first_week: '2026-10-05', last_week: '2026-09-28'}",
            "last_week 2026-09-28 is before first_week 2026-10-05",
        ),
    ],
)
def test_settings_that_tell_nobody_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    override = tmp_path / "own.yaml"
    override.write_text(text)
    with pytest.raises(SettingsError) as refused:
        settings_file.load(override)
    assert problem in str(refused.value)
    assert "canary" not in str(refused.value)


def test_whom_alerts_go_to_and_when_runs_begin_change_nothing_that_is_made(tmp_path: Path) -> None:
    override = tmp_path / "own.yaml"
    override.write_text("alerts: {webhook_url: 'https://hook.test'}\nschedules: {enabled: true, nightly: '5 5 * * *'}")
    assert settings_file.load(override).hash == settings_file.load().hash


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("week 2026-10-05: no model of users yet.", "week 2026-10-05: no model of users yet."),
        ("48% of raw_users went, 'anna' among them", "48% of raw_users went, … among them"),
        ("user anna@shop.test has 12 rows (u77, u78)", "user … has … rows …"),
        ("there is no source /home/anna/tables. Set it", "there is no source … Set it"),
        ("a b c d e f g h i j k l m n o", "a b c d e f g h i j k l m n …"),
    ],
)
def test_of_an_error_only_words_are_shown(message: str, words: str) -> None:
    assert first_words(message) == words


@given(st.lists(st.sampled_from(["rows", "of", "week", "2026-10-05:", "u123", "a@b.c", "U-9,", "/x/y", "1234", "'ann lee'"])))
def test_no_id_and_no_address_is_ever_among_the_words(parts: list[str]) -> None:
    shown = first_words(" ".join(parts)).split()
    assert set(shown) <= {"rows", "of", "week", "2026-10-05:", "…"}
