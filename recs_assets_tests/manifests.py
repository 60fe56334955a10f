"""What Kubernetes says of a manifest, and what it says only once it is too late."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate

VERSION = "1.36"
QUANTITY = re.compile(r"[1-9][0-9]*(m|Mi|Gi)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
GPU = "nvidia.com/gpu"


def problems(manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with a Job: against the OpenAPI schema, strictly, and against what no schema says."""
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [str(error)]
    return list(_beyond_the_schema(manifest))


def _beyond_the_schema(manifest: Mapping[str, Any]) -> Iterator[str]:
    pod = manifest["spec"]["template"]["spec"]
    if pod["restartPolicy"] not in {"Never", "OnFailure"}:
        yield f"restartPolicy {pod['restartPolicy']}: a Job's pod cannot be restarted so"
    for name in (manifest["metadata"]["name"], pod["serviceAccountName"]):
        if not NAME.fullmatch(name):
            yield f"{name} is no name"
    yield from (f"{text} is no label" for text in manifest["metadata"]["labels"].values() if not LABEL.fullmatch(text))
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    for volume in volumes.values():
        size = volume.get("emptyDir", {}).get("sizeLimit", "1Gi")
        if not QUANTITY.fullmatch(size):
            yield f"{size} is no quantity"
    for container in pod["containers"]:
        mounts = [mount["name"] for mount in container.get("volumeMounts", ())]
        yield from (f"{name} is mounted, and no volume" for name in mounts if name not in volumes)
        limits, requests = (container["resources"].get(kind, {}) for kind in ("limits", "requests"))
        yield from (f"{size} is no quantity" for size in (*limits.values(), *requests.values()) if not QUANTITY.fullmatch(size))
        gpus = (limits.get(GPU), requests.get(GPU, limits.get(GPU)))
        if gpus[0] != gpus[1] or not re.fullmatch("[1-9][0-9]*", gpus[0] or "1"):
            yield f"GPUs {gpus}: asked for and limit must be one whole number"
