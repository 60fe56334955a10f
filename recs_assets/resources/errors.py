"""Errors of the gateways to the world."""


class WarehouseError(RuntimeError):
    """A warehouse that cannot be read or written; the message says what was tried and what to do."""


class SourceError(WarehouseError):
    """There is no source to read: trying again will not help, setting ``RECS_SOURCE`` will."""
