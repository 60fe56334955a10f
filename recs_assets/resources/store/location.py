"""The seam of the store: all that differs between versions in a folder and versions in a bucket."""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

MANIFEST = "manifest.json"
POINTER = "current"
DRAFTS = ".drafts"
WORK = ".work"


@dataclass(frozen=True)
class StoredVersion:
    """A version as it lies there, whole or not.

    Attributes:
        name: asset, week and version, with slashes between them.
        made_at: when its manifest was written, or what there is of it without one.
        n_bytes: its size.
        objects: what a location needs to know again what it saw: of a bucket, each object by its name.
    """

    name: str
    made_at: dt.datetime
    n_bytes: int
    objects: dict[str, "Seen"] = field(default_factory=dict, compare=False)

    @property
    def week(self) -> str:
        """The name of the week that it is of: its asset and its Monday."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Seen:
    """An object of a bucket in the state in which it was seen: what is done to it is done in that state or not at all.

    Attributes:
        generation: of its content.
        metageneration: of what is noted on it.
        made_at: when this generation was written.
        n_bytes: its size.
        md5: of its content, in base 64.
        superfluous_since: noted on a manifest.
        sha256: noted on a file of a version by who has sent it; gone with the content that it is of.
    """

    generation: int
    metageneration: int
    made_at: dt.datetime
    n_bytes: int
    md5: str
    superfluous_since: dt.datetime | None
    sha256: str | None


class Location(Protocol):
    """Versions below one root, and a folder of this machine for drafts and for work in progress.

    A version is named ``asset/week/version``, its week ``asset/week``; the root is the empty name.
    """

    local: Path
    # For so long whatever nobody needs any more is still there for whoever reads it.
    grace: dt.timedelta

    def address(self, name: str = "") -> str:
        """Where something lies, for people and other programs: a path, or what begins with ``gs://``."""

    def names(self, within: str = "") -> list[str]:
        """The assets, the weeks of one, or the versions of one of its weeks, ascending."""

    def manifest(self, version: str) -> bytes:
        """The content of a version's manifest.

        Raises:
            OSError: there is none, or it cannot be read.
        """

    def fetch(self, version: str, file: str) -> Path:
        """A local path of a file, with the content that it has now.

        Raises:
            FileNotFoundError: the version has no such file.
        """

    def uri(self, version: str, file: str, sha256: str) -> str | None:
        """Where services read a file by themselves, if it is known to be the one of that hash; ``None``: send it to them."""

    def put(self, draft: Path, version: str, is_whole: Callable[[], bool]) -> None:
        """Make a filled folder, with its manifest, the version of that name, unless somebody has meanwhile (``is_whole``)."""

    def claim(self, version: str) -> bool:
        """Keep a version that is there from being removed from now on as superfluous; ``False`` where it is gone."""

    def made_at(self, version: str) -> dt.datetime:
        """When a version's manifest was written."""

    def renew(self, version: str, now: dt.datetime) -> None:
        """Have a version made now, for how long it may be kept."""

    def pointer(self, week: str) -> bytes | None:
        """What the pointer of a week says: the version that is current."""

    def point(self, week: str, version: str) -> None:
        """Replace the pointer of a week, or make it."""

    def unpoint(self, week: str) -> None:
        """Remove the pointer of a week."""

    def n_bytes(self) -> int:
        """The size of all that is kept."""

    def versions(self) -> list[StoredVersion]:
        """Every version that lies there, ascending by name."""

    def remove(self, superfluous: Sequence[StoredVersion], others: Sequence[StoredVersion]) -> list[StoredVersion]:
        """Remove versions that nobody needs, each as a whole, the pointer that names one first; those that are gone.

        Args:
            superfluous: what is to go, as ``versions`` has seen it.
            others: what stays, seen at the same moment.
        """

    def alone(self) -> AbstractContextManager[bool]:
        """Whether versions may be removed in the block, whoever reads."""

    def read_on(self) -> bool:
        """Keep what this process reads from being removed under it; whether that is new to this process."""

    def working(self, name: str) -> AbstractContextManager["Working"]:
        """A folder for what a run needs to go on after a crash, for one process of this machine at a time."""

    def stale_work(self, before: dt.datetime) -> list["Stale"]:
        """What is left of work that nobody has gone on with since a moment."""

    def remove_work(self, name: str) -> None:
        """Remove what is left of some work."""


@dataclass(frozen=True)
class Working:
    """A folder of work in progress, which can be pickled: training in several processes takes it along.

    ``keep`` makes what it holds now last for whoever goes on with it, where it would not by itself.
    """

    folder: Path
    keep: Callable[[], None] | None = None


@dataclass(frozen=True)
class Stale:
    """What is left of some work, and its size."""

    name: str
    n_bytes: int
