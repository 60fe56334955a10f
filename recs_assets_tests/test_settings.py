"""The settings file: what is packaged loads, what overrides it is merged or refused with the key's name."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from recs_assets import settings_file
from recs_assets.settings import Settings
from recs_assets.settings_file import PACKAGED, SettingsError


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECS_SETTINGS", raising=False)


def _override(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_the_packaged_file_loads() -> None:
    packaged = settings_file.load()
    assert packaged.lookback_days == 365
    assert packaged.rules.min_price == 50.0
    assert packaged.model.popularity_half_lives_days == (3.0, 10.0, 120.0)
    assert packaged.blend.alpha == "auto"
    assert packaged.gates.min_users is None
    assert packaged.schedules.weekly == "0 3 * * 1"


def test_an_override_changes_its_keys_and_leaves_all_others(tmp_path: Path) -> None:
    path = _override(tmp_path, "lookback_days: 90\nrules: {min_price: null, slots: 6}\nblend: {alpha: 0.3}\n")
    overridden, packaged = settings_file.load(path), settings_file.load()
    changed = packaged.model_dump()
    changed["lookback_days"] = changed["sql"]["lookback_days"] = 90  # SQL counts as far back as there is something to count
    changed["model"] |= {"training_weeks": 8, "validation_weeks": 2}
    changed["rules"] |= {"min_price": None, "slots": 6}
    changed["blend"]["alpha"] = 0.3
    assert overridden.model_dump() == changed


def test_the_override_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECS_SETTINGS", str(_override(tmp_path, "lookback_days: 90")))
    assert settings_file.load().lookback_days == 90
    monkeypatch.setenv("RECS_SETTINGS", "")
    assert settings_file.load().lookback_days == 365


def test_an_empty_override_changes_nothing(tmp_path: Path) -> None:
    assert settings_file.load(_override(tmp_path, "# nothing yet\n")) == settings_file.load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lokback_days: 3", r"mine\.yaml: unknown key 'lokback_days'\. The nearest one is 'lookback_days'\."),
        ("rules: {min_prize: 3}", r"unknown key 'rules\.min_prize'\. The nearest one is 'rules\.min_price'\."),
        ("rules: {walk: 3}", r"unknown key 'rules\.walk'\. The nearest one is 'rules\."),
        ("7: 3", r"unknown key '7'"),
        ("rules: 7", r"'rules' is a section with keys of its own, not a single value"),
        ("rules: null", r"'rules' is a section with keys of its own"),
        ("gates: {min_users_share: 2}", r"gates\.min_users_share: .*less than or equal to 1.*stand in settings\.yaml"),
        ("rules: {slots: many}", r"mine\.yaml: rules\.slots: .*integer"),
        ("evaluation: {relevance: click}", r"evaluation\.relevance: .*'order' or 'any'"),
        ("model: {popularity_half_lives_days: [3, 10]}", r"model\.popularity_half_lives_days\.2: "),
        ("events: {view: 0}", r"events\.view: .*greater than 0"),
        ("blend: {alpha: 1.5}", r"blend\.alpha"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_file.load(_override(tmp_path, text))


def test_all_bad_values_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"lookback_days: .*; rules\.slots: "):
        settings_file.load(_override(tmp_path, "lookback_days: 0\nrules: {slots: 0}"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"RECS_SETTINGS names .*nowhere\.yaml, which is not a file\. Correct the path"):
        settings_file.load(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsError, match="which is not a file"):
        settings_file.load(tmp_path)


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mine\.yaml is not YAML"):
        settings_file.load(_override(tmp_path, "rules: {min_price: 3"))


def test_a_file_that_holds_no_keys_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"must hold keys and values, as settings\.yaml does; it holds a list"):
        settings_file.load(_override(tmp_path, "- rules\n- model\n"))


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from recs_assets import settings_file; print(settings_file.load().hash)"
    environment = {key: value for key, value in os.environ.items() if key != "RECS_SETTINGS"}
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code], env=environment | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert hashes == {settings_file.load().hash}
    assert re.fullmatch("[0-9a-f]{16}", settings_file.load().hash)


@pytest.mark.parametrize(
    "text", ["lookback_days: 364", "rules: {min_price: null}", "model: {seed: 2}", "evaluation: {ks: [4, 10]}"]
)
def test_the_hash_changes_with_a_value(tmp_path: Path, text: str) -> None:
    assert settings_file.load(_override(tmp_path, text)).hash != settings_file.load().hash


def test_the_hash_does_not_depend_on_how_a_value_is_written(tmp_path: Path) -> None:
    same = _override(tmp_path, "rules: {min_price: 50}\nlookback_days: 365")
    assert settings_file.load(same).hash == settings_file.load().hash


def test_settings_cannot_be_changed_in_place() -> None:
    packaged = settings_file.load()
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        packaged.lookback_days = 3
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        packaged.rules.min_price = 3
    assert hash(packaged) == hash(settings_file.load())


def test_the_packaged_file_holds_exactly_the_keys_of_the_model() -> None:
    assert yaml.safe_load(PACKAGED.read_text()).keys() == Settings.model_fields.keys()
    for section, values in yaml.safe_load(PACKAGED.read_text()).items():
        if isinstance(values, dict):
            assert values.keys() == getattr(settings_file.load(), section).model_dump().keys(), section


def test_every_packaged_key_says_what_it_is() -> None:
    text = PACKAGED.read_text()
    silent = [name for name, line in _lines_of_keys(yaml.compose(text)) if "#" not in text.splitlines()[line]]
    assert silent == []


def _lines_of_keys(node: yaml.MappingNode, at: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """Every key that has a value of its own, with its line; sections aside."""
    for key, value in node.value:
        name = (*at, key.value)
        if isinstance(value, yaml.MappingNode):
            yield from _lines_of_keys(value, name)
        else:
            yield ".".join(name), key.start_mark.line


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("evaluation: {ks: [4, 20]}", ["evaluation.ks is [4, 20]", "alpha"]),
        ("evaluation: {ks: []}", ["evaluation.ks"]),
        ("evaluation: {ks: [10, 10]}", ["evaluation.ks", "twice"]),
        ("model: {training_weeks: 4}", ["model.training_weeks", "model.validation_weeks"]),
        ("model: {validation_weeks: 16}", ["model.training_weeks", "model.validation_weeks"]),
        ("model: {popularity_half_lives_days: [10, 3, 120]}", ["model.popularity_half_lives_days"]),
        ("model: {popularity_half_lives_days: [3, 3, 120]}", ["model.popularity_half_lives_days"]),
        ("model: {cosine_half_lives_days: [30, 30.0]}", ["model.cosine_half_lives_days"]),
        ("rules: {slots: 21}", ["rules.slots", "rules.list_length"]),
        ("rules: {list_length: 3}", ["rules.slots", "rules.list_length"]),
        ("candidates: {kept: 19}", ["candidates.kept", "rules.list_length"]),
        ("lookback_days: 59\nreasons: {recent_days: 30}", ["reasons.recent_days is 30", "lookback_days is 59"]),
        ("lookback_days: 60\nsql: {lookback_days: 61}", ["sql.lookback_days is 61", "lookback_days is 60"]),
        ("sql: {lookback_days: 366}", ["sql.lookback_days is 366", "lookback_days is 365"]),
        ("co_purchase: {window_days: 366}", ["co_purchase.window_days", "lookback_days"]),
        ("model: {training_weeks: 49}", ["model.training_weeks is 49", "evaluation.weeks is 4", "lookback_days is 365"]),
        ("model: {training_weeks: 16, horizon_days: 240}", ["model.training_weeks", "model.horizon_days is 240"]),
        ("model: {training_weeks: 16}\nevaluation: {weeks: 37}", ["model.training_weeks is 16", "evaluation.weeks is 37"]),
        ("lookback_days: 35", ["model.training_weeks is 1", "model.validation_weeks is 1"]),
        ("lookback_days: 20", ["model.training_weeks is 1", "lookback_days is 20"]),
        ("evaluation: {ks: [10, 21]}", ["evaluation.ks", "rules.list_length"]),
        ("rules: {list_length: 12}\nevaluation: {ks: [10, 20]}", ["evaluation.ks", "rules.list_length is 12"]),
        ("rules: {max_per_part_type: 21}", ["rules.max_per_part_type", "rules.list_length", "null"]),
        ("rules: {max_universal: 5}", ["rules.max_universal", "rules.slots", "null"]),
        ("rules: {exclude_bought_days: null, exclude_bought_variants: true}", ["rules.exclude_bought_variants", "_days is null"]),
        ("towers: {patience: 13}", ["towers.patience", "towers.epochs"]),
        ("towers: {heads: 3}", ["heads", "dimension"]),
        ("towers: {negatives: {in_batch: 0.5}}", ["in_batch", "random", "fitment_hard", "sum to 1"]),
        ("gates: {min_users_share: 1.1}", ["gates.min_users_share"]),
        ("strata: {hot_min_events: 0}", ["strata.hot_min_events"]),
        ("publish: {kept_versions: 1}", ["publish.kept_versions"]),
        ("blend: {alpha_step: 0}", ["blend.alpha_step"]),
        ("baselines: {popularity_days: 366}", ["baselines.popularity_days", "lookback_days"]),
        ("rules: {slots: 21}\nmodel: {training_weeks: 4}", ["rules.slots", "model.training_weeks"]),
    ],
)
def test_keys_that_contradict_each_other_are_named(tmp_path: Path, text: str, named: list[str]) -> None:
    path = _override(tmp_path, text)
    with pytest.raises(SettingsError) as refusal:
        settings_file.load(path)
    assert [name for name in [str(path), *named] if name not in str(refusal.value)] == []


@pytest.mark.parametrize(
    "text",
    [
        "model: {training_weeks: 5}",
        "model: {training_weeks: 48}",
        "candidates: {kept: 20}",
        "lookback_days: 60\nsql: {lookback_days: 60}\nreasons: {recent_days: 30}\nbaselines: {popularity_days: 60}",
        "evaluation: {ks: [10, 20]}",
        "rules: {max_per_part_type: 20, max_universal: 4}",
        "blend: {alpha_step: 0.3}",
        "publish: {kept_versions: 2}",
    ],
)
def test_keys_that_just_agree_are_taken(tmp_path: Path, text: str) -> None:
    taken = settings_file.load(_override(tmp_path, text)).model_dump(mode="json")
    for section, keys in yaml.safe_load(text).items():
        assert (taken[section] | keys if isinstance(keys, dict) else keys) == taken[section]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "lookback_days: 60",
            {
                "lookback_days": 60,
                "sql": {"lookback_days": 60},
                "model": {"training_weeks": 4, "validation_weeks": 1},  # four weeks of targets, one of which chooses
            },
        ),
        (
            "lookback_days: 45\nsql: {lookback_days: 30}",
            {
                "lookback_days": 45,
                "sql": {"lookback_days": 30},
                "model": {"training_weeks": 2, "validation_weeks": 1},
                "reasons": {"recent_days": 22},
            },
        ),
        ("lookback_days: 730", {"lookback_days": 730}),
        ("evaluation: {weeks: 40}", {"evaluation": {"weeks": 40}, "model": {"training_weeks": 12, "validation_weeks": 3}}),
        (
            "rules: {list_length: 1, slots: 1}",
            {
                "rules": {"list_length": 1, "slots": 1, "max_per_part_type": 1, "max_universal": 1},
                "evaluation": {"ks": (4, 10)},
            },
        ),
        ("rules: {list_length: 12}", {"rules": {"list_length": 12}, "evaluation": {"ks": (4, 10)}}),
        ("rules: {exclude_bought_days: null}", {"rules": {"exclude_bought_days": None, "exclude_bought_variants": None}}),
        ("towers: {epochs: 2}", {"towers": {"epochs": 2, "patience": 2}}),
    ],
)
def test_what_is_packaged_follows_what_is_set(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    """One key can be changed alone: of the packaged ones just those that depend on it change too."""
    loaded, packaged = settings_file.load(_override(tmp_path, text)).model_dump(), settings_file.load().model_dump()
    for section, values in expected.items():
        packaged[section] = packaged[section] | values if isinstance(values, dict) else values
    assert loaded == packaged
