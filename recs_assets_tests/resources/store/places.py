"""A store in a folder or in a bucket, and where its files lie on this machine: those of a bucket are its server's."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.bucket import Bucket
from recs_assets.resources.store.store import Store
from recs_assets_tests.stand_ins.servers import Storage

PREFIX = "shops/one"


@dataclass(frozen=True)
class Place:
    """Where a store lies.

    Attributes:
        name: a folder's path, or a bucket's address.
        local: the folder of this machine.
        files: the folder of the files themselves.
        endpoint: of the bucket's server.
    """

    name: str
    local: Path
    files: Path
    endpoint: str | None = None

    @property
    def store(self) -> Store:
        """A store there, as another process would open it."""
        if self.endpoint is None:
            return Store(Path(self.name))
        return Store(Bucket(self.name, self.local, endpoint=self.endpoint, grace=timedelta()))

    def lying(self, artifact: Artifact) -> Path:
        """The folder of a version's files."""
        return self.files / artifact.name

    def versions(self, week: str) -> list[str]:
        """The versions of a week of the asset ``scores``, whole or not."""
        return sorted(path.name for path in (self.files / "scores" / week).iterdir() if path.is_dir())


def folder(root: Path) -> Place:
    """A store in a folder."""
    return Place(str(root / "store"), root / "store", root / "store")


def bucket(root: Path, server: Storage) -> Place:
    """A store in a bucket of its own, below a prefix."""
    name = root.name.replace("_", "-").lower()[:60]
    server.make_bucket(name)
    return Place(f"gs://{name}/{PREFIX}", root / "local", server.objects / name / PREFIX, server.url)
