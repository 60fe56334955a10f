"""The files of a deployment in a cluster, held against the models of those who read them, and against each other."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes.client
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from dagster_gcp.gcs.compute_log_manager import GCSComputeLogManager
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job, get_user_defined_k8s_config

from recs_assets import definitions, settings_file
from recs_assets.assets.training import trained_model
from recs_assets.settings_file import PACKAGED
from recs_assets_tests.manifests import VERSION, problems

ROOT = Path(__file__).parents[1]
# Of a cluster that is never asked.
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
"""
DEPLOY = ROOT / "recs_assets" / "deploy"
CLUSTER = list(yaml.safe_load_all((DEPLOY / "cluster.yaml").read_text()))
HELM = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())
(ENVIRONMENT,) = (document["data"] for document in CLUSTER if document["kind"] == "ConfigMap")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstanceRef:
    """Dagster's instance as ``dagster.yaml`` describes it, in the environment of a pod."""
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text())
    of_postgres = {f"DAGSTER_PG_{name}": name.lower() for name in ("HOST", "USERNAME", "PASSWORD", "DB")}
    ours = {"RECS_LOG_BUCKET": ENVIRONMENT["RECS_LOG_BUCKET"], "RECS_IMAGE": "registry/recs_assets:1"}
    for name, value in (ours | of_postgres).items():
        monkeypatch.setenv(name, value)
    return InstanceRef.from_dir(str(tmp_path))


def _checked(kind: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of one of Dagster's classes as it gets it, with variables in place of their names."""
    result = process_config(resolve_to_config_type(kind.config_type()), config)
    assert result.success, result.errors
    value: dict[str, Any] = dict(result.value or {})
    return value


def test_dagster_takes_the_instance_with_its_launcher_and_logs(instance: InstanceRef) -> None:
    launcher = _checked(K8sRunLauncher, instance.run_launcher_data.config_dict)  # type: ignore[union-attr]
    assert (launcher["job_image"], launcher["env_config_maps"]) == ("registry/recs_assets:1", ["recs-env"])
    logs = _checked(GCSComputeLogManager, instance.compute_logs_data.config_dict)
    assert logs["bucket"] == ENVIRONMENT["RECS_LOG_BUCKET"] != ENVIRONMENT["RECS_BUCKET"]
    event_log = instance.event_storage_data
    assert event_log is not None
    assert (event_log.module_name, event_log.class_name) == ("dagster_postgres", "PostgresEventLogStorage")
    assert event_log.config_dict["postgres_db"]["password"] == {"env": "DAGSTER_PG_PASSWORD"}


def test_a_key_that_dagster_does_not_know_is_seen(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((DEPLOY / "dagster.yaml").read_text().replace("poll_interval_seconds", "poll_seconds"))
    with pytest.raises(DagsterInvalidConfigError, match="poll_seconds"):
        dagster_instance_config(str(tmp_path))


def test_training_is_a_job_that_kubernetes_takes_in_that_instance(instance: InstanceRef, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    config = _checked(K8sRunLauncher, instance.run_launcher_data.config_dict)  # type: ignore[union-attr]
    outside = config | {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kubeconfig")}
    launcher = K8sRunLauncher.from_config_value(None, outside)
    own = K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(trained_model.op.tags))
    # As the executor puts together what the launcher, the code location and a step ask for.
    merged = K8sContainerContext.create_for_run(dg.DagsterRun("weekly"), launcher, include_run_tags=False).merge(own)
    job_config = merged.get_k8s_job_config(None, launcher)
    job = construct_dagster_k8s_job(job_config, ["dagster"], "dagster-step-0", merged.run_k8s_config)
    manifest = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    assert problems(manifest) == []
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/etc/recs", "/dev/shm"}
    assert container["resources"]["limits"]["memory"] == settings_file.load().pods.trainer.memory
    assert container["resources"]["requests"]["cpu"] == str(settings_file.load().pods.trainer.cpu)
    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["envFrom"] == [{"configMapRef": {"name": "recs-env"}}, {"secretRef": {"name": "recs-secrets"}}]
    assert pod["serviceAccountName"] == "recs-trainer"


def test_the_cluster_has_every_account_that_steps_ask_for() -> None:
    for document in CLUSTER:
        kubernetes_validate.validate(document, VERSION, strict=True)
    accounts = {document["metadata"]["name"] for document in CLUSTER if document["kind"] == "ServiceAccount"}
    pods = settings_file.load(DEPLOY / "production.yaml").pods.model_dump()
    assert accounts == {pod["service_account"] for pod in pods.values()}
    assert {document["metadata"]["namespace"] for document in CLUSTER} == {"recs"}


def test_the_chart_comes_to_the_same_instance() -> None:
    own = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    launcher, chart = own["run_launcher"]["config"], HELM["runLauncher"]["config"]["k8sRunLauncher"]
    snake = {_snake(key): value for key, value in chart.items() if value != []}
    snake["security_context"] = {_snake(key): value for key, value in chart["securityContext"].items()}
    assert snake == {key: launcher[key] for key in snake}
    assert HELM["global"]["serviceAccountName"] == HELM["serviceAccount"]["name"] == launcher["service_account_name"]
    assert HELM["global"]["postgresqlSecretName"] == launcher["postgres_password_secret"]
    (code,) = HELM["dagster-user-deployments"]["deployments"]
    assert [source["name"] for source in code["envConfigMaps"] + code["envSecrets"]] == [
        *launcher["env_config_maps"],
        *launcher["env_secrets"],
    ]
    assert code["volumeMounts"][0]["mountPath"] == str(Path(ENVIRONMENT["RECS_SETTINGS"]).parent)
    assert HELM["computeLogManager"]["config"]["gcsComputeLogManager"] == own["compute_logs"]["config"]
    assert HELM["pythonLogs"]["managedPythonLoggers"] == own["python_logs"]["managed_python_loggers"]


def _snake(name: str) -> str:
    return re.sub("([A-Z])", lambda match: f"_{match[1].lower()}", name)


def test_servers_find_the_project() -> None:
    (origin,) = location_origins_from_yaml_paths([str(ROOT / "workspace.yaml")])
    target: Any = origin.loadable_target_origin  # type: ignore[attr-defined]
    assert origin.location_name == "recs_assets"
    assert getattr(import_module(target.module_name), target.attribute) is definitions.defs


def test_dagster_plus_takes_the_project_and_what_its_pods_need() -> None:
    (location,) = load_dagster_cloud_yaml((ROOT / "dagster_cloud.yaml").read_text()).locations
    assert location.code_source is not None
    assert getattr(import_module(str(location.code_source.module_name)), str(location.attribute)) is definitions.defs
    assert location.build is not None
    assert (ROOT / str(location.build.directory) / "Dockerfile").is_file()
    asked = K8sContainerContext.create_from_config(location.container_context)
    assert asked.namespace == "recs"
    assert asked.run_k8s_config.pod_spec_config["service_account_name"] == "recs-orchestrator"


def test_production_settings_are_taken_and_say_what_differs() -> None:
    production = settings_file.load(DEPLOY / "production.yaml")
    assert (production.gates.min_users, production.scoring.shards) == (450_000, 8)
    packaged = dict(_leaves(yaml.safe_load(PACKAGED.read_text())))
    asked = dict(_leaves(yaml.safe_load((DEPLOY / "production.yaml").read_text())))
    assert [key for key, value in asked.items() if packaged[key] == value] == []


def _leaves(values: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{at}{key}.")
        else:
            yield f"{at}{key}", value


@pytest.mark.parametrize("file", ["recs_assets/deploy/dagster.yaml", "recs_assets/deploy/helm-values.yaml", "dagster_cloud.yaml"])
def test_every_key_is_explained_where_it_stands_or_with_its_section(file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    explained = {number for number, line in enumerate(lines) if "#" in line}
    keys = list(_keys(yaml.compose("\n".join(lines)), ()))
    assert len(keys) > 10
    assert [lines[places[-1]] for places in keys if not explained & set(places[-3:])] == []


def _keys(node: yaml.Node, sections: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The lines of the sections around every key that has a value of its own, the outermost first, and then its own."""
    if isinstance(node, yaml.SequenceNode):
        yield from (places for item in node.value for places in _keys(item, sections))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            places = (*sections, key.start_mark.line)
            yield from list(_keys(value, places)) or [places]


def test_an_image_keeps_torch_when_the_code_changes_and_is_nobody_special() -> None:
    text = (ROOT / "Dockerfile").read_text()
    order = [
        "FROM python:3.11.14-slim-",
        'RUN case "$COMPUTE"',
        "COPY pyproject.toml",
        "COPY recs_assets recs_assets",
        "USER 10001",
    ]
    places = [text.index(f"\n{start}") for start in order]
    assert places == sorted(places)
    (torch,) = re.findall(r"^torch==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert f"\nARG TORCH={torch}\n" in text
    copied = {path for line in text.splitlines() if line.startswith("COPY ") for path in line.split()[1:-1]}
    kept = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert {path.split("/")[0] for path in copied} == set(kept), "nothing else is sent to be built"


def test_the_page_of_both_columns_names_every_variable_and_every_account() -> None:
    page = (DEPLOY / "README.md").read_text()
    assert [name for name in ENVIRONMENT if f"`{name}" not in page] == []
    header = next(line for line in page.splitlines() if line.startswith("| on |"))
    pods = {pod["service_account"] for pod in settings_file.load().pods.model_dump().values()}
    assert {f"recs-{name.strip()}" for name in header.split("|")[3:-1]} == pods | {"recs-orchestrator"}
    assert [path.name for path in DEPLOY.iterdir() if path.suffix != ".md" and f"`{path.name}`" not in page] == []
