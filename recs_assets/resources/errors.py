"""Errors of the gateways to the world."""


class WarehouseError(RuntimeError):
    """A warehouse that cannot be read or written; the message says what was tried and what to do."""


class SourceError(WarehouseError):
    """There is no source to read: trying again will not help, setting ``RECS_SOURCE`` will."""


class AccessError(WarehouseError):
    """A warehouse refuses what it is asked for (rights, limits, something that is not there): trying again will not help."""


class PublishRefused(RuntimeError):  # noqa: N818 - a refusal is the gate at work, not an error of the program
    """A publication that must not happen: no audit of these rows, or another run won; the served version stays."""


class PublishFailed(RuntimeError):  # noqa: N818
    """What is served is not what was published; the message says how to restore the version before."""


class RolloutMoved(RuntimeError):  # noqa: N818
    """A move of the rollout from where it does not stand any more; nothing has changed."""
