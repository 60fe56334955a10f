"""Objects of one bucket below a prefix, by Google's client: each function one request, sent again where there is no answer."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.location import Seen

if TYPE_CHECKING:
    from google.cloud import storage

# Else each client looks the bucket up in the background, for traces that nobody asked for: roles/storage.objectUser, all that a
# pod has, does not allow that.
NO_LOOKING_UP = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
# What is noted on objects.
MARK, HASH = "superfluous_since", "sha256"
CONNECT_AND_READ_SECONDS = (10.0, 60.0)
RETRY_SECONDS = 120.0
FIRST_WAIT_SECONDS = 1.0


class BucketError(RuntimeError):
    """The service did not answer as it should for ``RETRY_SECONDS``; the message names the object."""


@dataclass
class Objects:
    """The objects of a bucket whose names begin with a prefix, which is left out everywhere.

    Attributes:
        bucket: its name.
        prefix: empty, or ending with a slash.
        endpoint: of a server that stands in for Google's, to which nobody has to say who they are.
    """

    bucket: str
    prefix: str
    endpoint: str | None

    def __getstate__(self) -> dict[str, Any]:
        """Without the client, which another process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_bucket"}

    def address(self, name: str) -> str:
        """The URI of an object, or of all whose names begin so."""
        return f"gs://{self.bucket}/{self.prefix}{name}".rstrip("/")

    def below(self, folder: str) -> list[str]:
        """The words that follow a folder, up to the next slash."""
        prefix = f"{self.prefix}{folder}/" if folder else self.prefix
        with self._told(folder):
            listed = self._bucket.list_blobs(prefix=prefix, delimiter="/", **self._patience)
            list(listed)  # the prefixes are there once all pages are
        return [below.removeprefix(prefix).rstrip("/") for below in listed.prefixes]

    def listed(self, folder: str = "") -> dict[str, Seen]:
        """All objects whose names begin with that, by name."""
        with self._told(folder):
            blobs = list(self._bucket.list_blobs(prefix=f"{self.prefix}{folder}", **self._patience))
        return {blob.name.removeprefix(self.prefix): _seen(blob) for blob in blobs}

    def read(self, name: str) -> tuple[bytes, int]:
        """Content and generation of an object.

        Raises:
            FileNotFoundError: there is none.
        """
        blob = self._blob(name)
        with self._told(name):
            content: bytes = blob.download_as_bytes(**self._patience)
        return content, int(blob.generation)

    def receive(self, name: str, path: Path) -> None:
        """Write an object into a file; raises as ``read``."""
        with self._told(name):
            self._blob(name).download_to_filename(str(path), checksum="crc32c", **self._patience)

    def state(self, name: str) -> Seen | None:
        """The state of an object; ``None`` where there is none."""
        with self._told(name):
            blob = self._bucket.get_blob(self.prefix + name, **self._patience)
        return _seen(blob) if blob else None

    def send(self, path: Path, name: str, *, sha256: str | None = None) -> None:
        """Make a file an object, whatever was there, and note its hash on it where that is told."""
        blob = self._blob(name)
        if sha256 is not None:
            blob.metadata = {HASH: sha256}
        with self._told(name):
            blob.upload_from_filename(str(path), checksum="crc32c", **self._patience)

    def swapped(self, name: str, content: bytes, generation: int) -> bool:
        """Write an object if it is in that generation still (0: if there is none), and say whether."""
        with self._told(name), _only_if() as done:
            self._blob(name).upload_from_string(content, if_generation_match=generation, **self._patience)
        return done[0]

    def marked(self, name: str, since: str, state: Seen | None) -> bool:
        """Note since when an object is superfluous, if it is as it was seen, and say whether; an empty text: it is not."""
        if state is None:
            return False
        blob = self._blob(name)
        blob.metadata = {MARK: since}
        conditions = {"if_generation_match": state.generation, "if_metageneration_match": state.metageneration}
        with suppress(FileNotFoundError), self._told(name), _only_if() as done:
            blob.patch(**conditions, **self._patience)
            return done[0]
        return False

    def removed(self, name: str, state: Seen | None = None) -> bool:
        """Remove an object, if it is as it was seen where that is told; one that is gone already counts as removed."""
        conditions: dict[str, int] = {}
        if state is not None:
            conditions = {"if_generation_match": state.generation, "if_metageneration_match": state.metageneration}
        with suppress(FileNotFoundError), self._told(name), _only_if() as done:
            self._blob(name).delete(**conditions, **self._patience)
        return done[0]

    def _blob(self, name: str) -> Any:
        return self._bucket.blob(self.prefix + name)

    @cached_property
    def _bucket(self) -> "storage.Bucket":
        from google.auth.credentials import AnonymousCredentials  # with the client 0.4 s, and a folder has no use for it
        from google.cloud import storage

        os.environ.setdefault(NO_LOOKING_UP, "true")
        if self.endpoint is not None:
            options, anonymous = {"api_endpoint": self.endpoint}, AnonymousCredentials()  # type: ignore[no-untyped-call]
            return storage.Client(project="stand-in", credentials=anonymous, client_options=options).bucket(self.bucket)
        with self._told(""):
            return storage.Client().bucket(self.bucket)

    @cached_property
    def _patience(self) -> dict[str, Any]:
        from google.cloud.storage.retry import DEFAULT_RETRY

        return {
            "timeout": CONNECT_AND_READ_SECONDS,
            "retry": DEFAULT_RETRY.with_timeout(RETRY_SECONDS).with_delay(initial=FIRST_WAIT_SECONDS),
        }

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Errors of the service in words that say what to do; ``FileNotFoundError`` where there is no such object."""
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException

        address = self.address(name)
        try:
            yield
        except exceptions.NotFound as error:
            if "bucket does not exist" in str(error):
                raise StoreError(f"there is no bucket {self.bucket}: set RECS_BUCKET to one that is there.") from error
            raise FileNotFoundError(address) from error
        except (exceptions.Forbidden, exceptions.Unauthorized, GoogleAuthError) as error:
            who = f"give the service account of the run roles/storage.objectUser on bucket {self.bucket}"
            raise StoreError(
                f"{address} cannot be used: {error}. Sign in (gcloud auth application-default login), or {who}."
            ) from error
        except exceptions.PreconditionFailed:
            raise
        except (exceptions.GoogleAPIError, RequestException) as error:
            raise BucketError(f"{address}: the service did not do what it was asked for: {error}. Run again.") from error


def _seen(blob: Any) -> Seen:
    notes = blob.metadata or {}
    marked = dt.datetime.fromisoformat(notes[MARK]) if notes.get(MARK) else None
    return Seen(blob.generation, blob.metageneration, blob.time_created, blob.size, blob.md5_hash or "", marked, notes.get(HASH))


@contextmanager
def _only_if() -> Iterator[list[bool]]:
    """Whether what the block asks for was done: it is not where the object was in another state."""
    from google.api_core.exceptions import PreconditionFailed

    done = [True]
    try:
        yield done
    except PreconditionFailed:
        done[0] = False
