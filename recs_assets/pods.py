"""What a step asks of Kubernetes where steps are pods: its size, its graphics cards, and whose rights it has.

An asset carries it as ``op_tags``, which ``dagster_k8s`` reads; without a cluster nobody does.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from recs_assets import settings_file
from recs_assets.pod_settings import PodSettings, PodsSettings, TrainerPodSettings

Pod = Literal["exporter", "trainer", "scorer", "publisher"]

TAG = "dagster-k8s/config"
GPU = "nvidia.com/gpu"
# Processes that train together pass gradients through it; a container's own one has 64 MiB.
SHARED_MEMORY = {"name": "shared-memory", "mount_path": "/dev/shm"}


def op_tags(pod: Pod) -> Mapping[str, Any]:
    """The tags of the steps that run on a kind of pod, in the sizes of the settings.

    Raises:
        SettingsError: the settings cannot be used.
    """
    return {TAG: job_of(getattr(_settings(), pod))}


def job_of(pod: PodSettings) -> dict[str, Any]:
    """A pod as ``dagster_k8s`` merges it into the Job of a step."""
    # Asked for and at most the same: the node keeps it free, and the step works in as many threads as it has cores.
    size = {"cpu": str(pod.cpu), "memory": pod.memory}
    container: dict[str, Any] = {}
    spec: dict[str, Any] = {"service_account_name": pod.service_account}
    if isinstance(pod, TrainerPodSettings):
        container = {"volume_mounts": [SHARED_MEMORY]}
        memory = {"medium": "Memory", "size_limit": pod.shared_memory}
        spec |= {"volumes": [{"name": SHARED_MEMORY["name"], "empty_dir": memory}]}
        if pod.gpus:
            size |= {GPU: str(pod.gpus)}
            # Nodes with a GPU are kept free of everything that does not say this.
            spec |= {"tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]}
    return {
        "container_config": {"resources": {"requests": size, "limits": size}} | container,
        "pod_spec_config": spec,
        # Dagster tries again what may be over in a moment, and knows what must not be repeated.
        "job_spec_config": {"backoff_limit": 0},
    }


@cache
def _settings() -> PodsSettings:
    return settings_file.load().pods
