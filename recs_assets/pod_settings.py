"""The sizes of the pods that steps run in, and whose rights they have."""

from typing import Annotated

import pydantic

from recs_assets.section import Count, Section

Memory = Annotated[str, pydantic.Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$")]
# What Kubernetes takes as the name of an account.
Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class PodSettings(Section):
    """A kind of pod."""

    service_account: Name
    cpu: Count
    memory: Memory


class TrainerPodSettings(PodSettings):
    """The pod that trains, the only one with a GPU."""

    gpus: Annotated[int, pydantic.Field(ge=0)]
    shared_memory: Memory


class PodsSettings(Section):
    """Every kind of pod."""

    exporter: PodSettings
    trainer: TrainerPodSettings
    scorer: PodSettings
    publisher: PodSettings
