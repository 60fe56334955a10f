"""Reading ``settings.yaml``, and the file named by ``RECS_SETTINGS`` that overrides it key by key."""

import difflib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pydantic
import yaml

from recs_assets.following import followed
from recs_assets.settings import Settings

PACKAGED = Path(__file__).with_name("settings.yaml")


class SettingsError(ValueError):
    """A settings file that cannot be used; the message names the key and what to write instead."""


def load(override: Path | None = None) -> Settings:
    """Packaged settings, overridden key by key by the YAML file ``override`` (default: the one in ``RECS_SETTINGS``); packaged
    ones that only go with others follow them (``following.followed``).

    Raises:
        SettingsError: no file, no YAML, an unknown key (the message names the nearest one), or a value that is not allowed.
    """
    if override is None and os.environ.get("RECS_SETTINGS"):
        override = Path(os.environ["RECS_SETTINGS"])
    values = _packaged()
    if override is not None:
        changed = _read(override)
        values = followed(_merged(values, changed, override, ()), changed)
    try:
        return Settings.model_validate(values)
    except pydantic.ValidationError as error:
        problems = "; ".join(": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors())
        raise SettingsError(f"{override or PACKAGED.name}: {problems}. Allowed values stand in {PACKAGED.name}.") from error


@cache
def _packaged() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(PACKAGED.read_text())  # asked for by pods and by definitions at every start
    return values


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise SettingsError(f"RECS_SETTINGS names {path}, which is not a file. Correct the path, or unset it for the defaults.")
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        problem = str(error).splitlines()[0]
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            # Its own text shows the line itself, and a line of settings may hold a secret.
            problem = f"{error.problem} in line {error.problem_mark.line + 1}"
        raise SettingsError(f"{path} is not YAML: {problem}. Write it as {PACKAGED.name} is written.") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold keys and values, as {PACKAGED.name} does; it holds a {type(content).__name__}.")
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any], path: Path, at: tuple[str, ...]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        name = ".".join((*at, str(key)))
        if key not in base:
            near = difflib.get_close_matches(str(key), list(base), n=1, cutoff=0)
            raise SettingsError(f"{path}: unknown key '{name}'. The nearest one is '{'.'.join((*at, *near))}'.")
        if isinstance(base[key], dict):
            if not isinstance(value, dict):
                raise SettingsError(f"{path}: '{name}' is a section with keys of its own, not a single value.")
            merged[key] = _merged(base[key], value, path, (*at, key))
        else:
            merged[key] = value
    return merged
