"""Telling people that something went wrong: a webhook, mail, or both, as ``alerts`` in the settings says.

An alert names an asset, a week, the first words of the cause and where to look; never an id or an address of a person, and
no value of a table. Whatever happens to it on its way, no run fails of it.
"""

import json
import logging
import re
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage

from recs_assets.alert_settings import AlertsSettings, NoSecret, revealed

TRIES, TIMEOUT_SECONDS, PAUSE_SECONDS = 3, 5.0, 1.0
SHOWN_WORDS = 14
HARMLESS = re.compile(r"\d{4}-\d{2}-\d{2}|[\d.]+%|\D*")
# What may hold a value of a table is a quotation, an address or path, or anything with a digit that is no date and no share.
QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|\([^)]*\)""")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """What went wrong.

    Attributes:
        kind: of the cause, a word for a machine to go by.
        text: a sentence or a few.
        look: where to look.
        week: its key, where it is of one.
        run_id: Dagster's, where it is of one.
    """

    kind: str
    text: str
    look: str
    week: str | None = None
    run_id: str | None = None

    @property
    def subject(self) -> str:
        """One line."""
        return f"recs_assets: {self.kind}" + (f" (week {self.week})" if self.week else "")


class Refused(Exception):  # noqa: N818 - the answer of a server, which trying again does not change
    """An alert cannot be sent so; the message says why, without the address."""


def first_words(message: str) -> str:
    """The first words of an error, without whatever could be somebody's: see ``QUOTED``."""
    words = QUOTED.sub("…", " ".join(message.split())).split()
    shown = [word if _is_plain(word) else "…" for word in words[:SHOWN_WORDS]]
    return " ".join(shown) + (" …" if len(words) > SHOWN_WORDS else "")


def _is_plain(word: str) -> bool:
    return not set(word) & set("@/\\") and HARMLESS.fullmatch(word.strip(".,:;")) is not None


def send(alert: Alert, settings: AlertsSettings) -> bool:
    """Send an alert to whoever is set, a few times where a server does not answer; whether all of them took it.

    What fails is logged by its kind alone: an answer or an address may hold a secret.
    """
    ways: dict[str, Callable[[], None]] = {}
    if settings.webhook_url:
        ways["webhook"] = lambda: _post(alert, str(settings.webhook_url))
    if settings.smtp_host:
        ways["mail"] = lambda: _mail(alert, settings)
    taken = [_delivered(name, way) for name, way in ways.items()]
    return all(taken)


def _delivered(name: str, way: Callable[[], None]) -> bool:
    told = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE_SECONDS)
        try:
            way()
        except (NoSecret, Refused) as refusal:
            told = str(refusal)
            break
        except OSError as error:  # no connection, no answer in time, and whatever smtplib says
            told = type(error).__name__
        except Exception as error:  # an address that is none, for one: trying again changes nothing
            told = type(error).__name__
            break
        else:
            return True
    log.warning("an alert could not be sent by %s: %s", name, told)
    return False


def _post(alert: Alert, url: str) -> None:
    body = {"subject": alert.subject, **asdict(alert), "text": f"{alert.subject}: {alert.text} {alert.look}"}
    request = urllib.request.Request(
        _address(revealed(url)), json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        if error.code < 500:
            raise Refused(f"status {error.code}") from None
        raise


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise Refused("the webhook's address does not begin with http:// or https://")
    return url


def _mail(alert: Alert, settings: AlertsSettings) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = alert.subject, settings.smtp_from, ", ".join(settings.smtp_to)
    message.set_content(f"{alert.text}\n{alert.look}\n")
    host, port = str(settings.smtp_host), settings.smtp_port
    if settings.smtp_tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    with server:
        if settings.smtp_tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, revealed(settings.smtp_password))
        server.send_message(message)
