"""Whom alerts go to, and when one is due because nothing has come."""

import datetime as dt
import os
from typing import Annotated, Literal

import pydantic

from recs_assets.section import Section

SECRET = r"\$[A-Za-z_][A-Za-z0-9_]*"
Secret = Annotated[str, pydantic.Field(pattern=f"^{SECRET}$")]


class AlertsSettings(Section):
    """A webhook, a mail server, either or neither; a value ``$NAME`` stands in that environment variable."""

    webhook_url: Annotated[str, pydantic.Field(pattern=rf"^({SECRET}|https?://\S+)$")] | None
    smtp_host: str | None
    smtp_port: Annotated[int, pydantic.Field(ge=1, le=65535)]
    smtp_tls: Literal["starttls", "tls", "none"]
    smtp_user: str | None
    smtp_password: Secret | None
    smtp_from: str | None
    smtp_to: tuple[str, ...]
    published_by: Annotated[str, pydantic.Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None

    @pydantic.model_validator(mode="after")
    def _mail_is_whole(self) -> "AlertsSettings":
        if self.smtp_host and not (self.smtp_from and self.smtp_to):
            raise ValueError("smtp_host needs smtp_from and smtp_to")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("smtp_user and smtp_password go together")
        return self

    @property
    def published_by_time(self) -> dt.time | None:
        """``published_by`` as a time of day in UTC."""
        return dt.time.fromisoformat(self.published_by) if self.published_by else None


class NoSecret(ValueError):  # noqa: N818 - something is missing, nothing is wrong
    """An environment variable that a setting names is not there; the message names it."""


def revealed(value: str) -> str:
    """A setting, or what the environment variable that it names holds.

    Raises:
        NoSecret: there is no such variable.
    """
    if not value.startswith("$"):
        return value
    secret = os.environ.get(value[1:])
    if not secret:
        raise NoSecret(f"the environment variable {value[1:]}, which a setting of alerts names, is not set")
    return secret
