"""The Kubernetes Job of every step, as dagster-k8s itself makes it, held against Kubernetes' own schema and what that lacks."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import kubernetes.client
import pytest
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job, get_user_defined_k8s_config

from recs_assets import definitions, pods, settings_file
from recs_assets.assets import sharding
from recs_assets.rollback_job import rollback
from recs_assets.targets import _pods
from recs_assets_tests.manifests import GPU, problems

EXPORTER = {
    *("raw_users", "raw_vehicles", "raw_ownership", "raw_products", "raw_fitment", "raw_events", "raw_email_events"),
    *("user_nodes", "vehicle_nodes", "product_nodes", "fits_edges", "owns_edges", "interaction_edges", "co_purchase_edges"),
    *("hetero_graph", "sql_scores", "mail_events"),
}
SCORER = {
    *("offline_metrics", "approved_model", "product_similarities", "user_scores"),
    *("user_scores.split_profiles", "user_scores.score_shard[3]", "user_scores.merge_shards"),
}
PUBLISHER = {
    *("ab_results", "rollout_stage", "rollout_assignment", "recommendations", "published_recommendations"),
    *("retained_versions", "release_report", "serve_earlier_version"),
}
ACCOUNTS = dict.fromkeys(EXPORTER, "recs-exporter") | dict.fromkeys(PUBLISHER, "recs-publisher")
ACCOUNTS |= dict.fromkeys({*SCORER, "trained_model"}, "recs-trainer")


def ops() -> Iterator[tuple[str, dg.OpDefinition]]:
    """Every op that can be a step, with the key of its step."""
    assets = [asset for asset in definitions.defs.assets or () if isinstance(asset, dg.AssetsDefinition)]
    yield from ((asset.key.to_user_string(), asset.op) for asset in assets)
    for op in (sharding.split_profiles, sharding.score_shard, sharding.merge_shards):
        yield f"user_scores.{op.name}{'[3]' if op.name == 'score_shard' else ''}", op
    yield from ((node.name, node.definition) for node in rollback.nodes if isinstance(node.definition, dg.OpDefinition))


def manifest(step: str, op: dg.OpDefinition) -> dict[str, Any]:
    """The Job of a step, as the executor submits it."""
    image = DagsterK8sJobConfig(
        job_image="registry/recs_assets:1", dagster_home="/home/recs/dagster", service_account_name="dagster"
    )
    job = construct_dagster_k8s_job(
        image,
        ["dagster", "api", "execute_step"],
        "dagster-step-0123456789abcdef0123456789abcdef",
        get_user_defined_k8s_config(op.tags),
        component="step_worker",
        labels={"dagster/job": "nightly", "dagster/op": step},
    )
    made: dict[str, Any] = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    return made


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    return {step: manifest(step, op) for step, op in ops()}


def _pod(made: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = made["spec"]["template"]["spec"]
    return pod


def test_every_step_is_a_job_that_kubernetes_takes_and_never_repeats(manifests: dict[str, dict[str, Any]]) -> None:
    assert {step: wrong for step, made in manifests.items() if (wrong := problems(made))} == {}
    assert {(made["spec"]["backoffLimit"], _pod(made)["restartPolicy"]) for made in manifests.values()} == {(0, "Never")}


def test_exporter_trainer_and_publisher_have_rights_of_their_own(manifests: dict[str, dict[str, Any]]) -> None:
    assert {step: _pod(made)["serviceAccountName"] for step, made in manifests.items()} == ACCOUNTS


def test_training_alone_has_a_gpu_and_shared_memory(manifests: dict[str, dict[str, Any]]) -> None:
    sizes = settings_file.load().pods
    for step, made in manifests.items():
        pod = _pod(made)
        (container,) = pod["containers"]
        trains = step == "trained_model"
        assert container["resources"]["limits"].get(GPU) == ("1" if trains else None), step
        assert ("tolerations" in pod, bool(pod["volumes"]), bool(container["volumeMounts"])) == (trains,) * 3, step
    trainer = _pod(manifests["trained_model"])
    assert trainer["containers"][0]["resources"]["requests"] == {"cpu": "4", "memory": "16Gi", GPU: "1"}
    assert trainer["containers"][0]["volumeMounts"] == [{"name": "shared-memory", "mountPath": "/dev/shm"}]
    shared = {"medium": "Memory", "sizeLimit": sizes.trainer.shared_memory}
    assert trainer["volumes"] == [{"name": "shared-memory", "emptyDir": shared}]
    assert trainer["tolerations"] == [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


def test_a_trainer_without_gpus_goes_wherever_there_is_room() -> None:
    cores = settings_file.load().pods.trainer.model_copy(update={"gpus": 0, "cpu": 8})
    config = pods.job_of(cores)
    assert config["container_config"]["resources"]["limits"] == {"cpu": "8", "memory": "16Gi"}
    assert "tolerations" not in config["pod_spec_config"]


def test_the_executor_of_a_cluster_is_that_of_dagster_k8s() -> None:
    executor, ours = _pods(), definitions.defs
    defs = dg.Definitions(ours.assets, jobs=ours.jobs, resources=ours.resources, executor=executor)
    assert defs.resolve_job_def("nightly").executor_def is executor
    assert executor.name == "pods"


def _set(made: dict[str, Any], change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> list[str]:
    wrong = copy.deepcopy(made)
    change(wrong, _pod(wrong))
    return problems(wrong)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda job, pod: pod["containers"][0]["resources"].update(limit={}), "limit"),
        (lambda job, pod: job["spec"].update(backoffLimit="0"), "integer"),
        (lambda job, pod: pod.update(restartPolicy="Always"), "restartPolicy Always"),
        (lambda job, pod: pod["containers"][0]["resources"]["limits"].update(memory="sixteen"), "sixteen is no quantity"),
        (lambda job, pod: pod["volumes"][0]["emptyDir"].update(sizeLimit="2 GB"), "2 GB is no quantity"),
        (lambda job, pod: pod["containers"][0]["resources"]["limits"].update({GPU: "1.5"}), "one whole number"),
        (lambda job, pod: pod["containers"][0]["resources"]["requests"].update({GPU: "2"}), "one whole number"),
        (lambda job, pod: pod["volumes"].clear(), "shared-memory is mounted, and no volume"),
        (lambda job, pod: pod.update(serviceAccountName="recs_trainer"), "recs_trainer is no name"),
        (lambda job, pod: job["metadata"]["labels"].update({"dagster/op": "score_shard[3]"}), "score_shard[3] is no label"),
    ],
)
def test_a_mistake_is_seen(manifests: dict[str, dict[str, Any]], change: Callable[..., Any], told: str) -> None:
    assert any(told in problem for problem in _set(manifests["trained_model"], change))
