"""gcp-storage-emulator with what it lacks; run by the interpreter of the stand-ins' environment, below a folder.

    python storage_server.py FOLDER     prints the port once it listens

Stock, it takes every ``ifGenerationMatch`` and ``ifMetagenerationMatch``, does not tell a download's generation, knows no
``moveTo``, and does not see files that another program puts into the bucket's folder, as bqemulator does for EXPORT DATA.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.server import Request, RequestHandler, Response, Router
from gcp_storage_emulator.storage import Storage


class PreconditionFailedError(Exception):
    """The object is not in the generation that the request asks for."""


class Bucket(Storage):
    """Objects as plain files below a folder, their description in memory; the server asks for one after the other."""

    expected: dict[str, str] = {}  # noqa: RUF012 - replaced as a whole by each request
    checks_reads = False

    def _write_config_to_file(self) -> None:
        """Nobody starts from it again, and it would be written whole with every object."""

    def _check(self, bucket: str, name: str) -> None:
        expected, self.expected = self.expected, {}
        self._adopt(bucket, [self._folder(bucket) / name])
        there = self.objects.get(bucket, {}).get(name, {"generation": "0"})
        if any(there.get(key) != value for key, value in expected.items()):
            raise PreconditionFailedError(f"{bucket}/{name} is not in the state {expected}")

    def create_file(self, bucket_name, file_name, content, file_obj, file_id=None):
        self._check(bucket_name, file_name)
        super().create_file(bucket_name, file_name, content, file_obj, file_id)
        self._seen(bucket_name, file_name)

    def delete_file(self, bucket_name, file_name):
        self._check(bucket_name, file_name)
        super().delete_file(bucket_name, file_name)

    def get_file_obj(self, bucket_name, file_name):
        self._adopt(bucket_name, [self._folder(bucket_name) / file_name])
        if self.checks_reads and file_name in self.objects.get(bucket_name, {}):
            self._check(bucket_name, file_name)
        return super().get_file_obj(bucket_name, file_name)

    def get_file_list(self, bucket_name, *arguments, **options):
        folder = self._folder(bucket_name)
        self._adopt(bucket_name, {*folder.rglob("*"), *(folder / name for name in self.objects.get(bucket_name, ()))})
        return super().get_file_list(bucket_name, *arguments, **options)

    def _folder(self, bucket_name: str) -> Path:
        return Path(self._store._root) / bucket_name

    def _seen(self, bucket_name: str, file_name: str) -> None:
        path = self._folder(bucket_name) / file_name
        self.objects[bucket_name][file_name]["_mtime"] = path.stat().st_mtime_ns

    def _adopt(self, bucket_name, paths) -> None:
        """Take files as they lie there, though they have come, changed or gone without a request; as old as they say."""
        for path in paths:
            name = str(path.relative_to(self._folder(bucket_name)))
            known = self.objects.get(bucket_name, {}).get(name, {})
            if known and not path.is_file():
                del self.objects[bucket_name][name]
            if path.is_file() and known.get("_mtime") != path.stat().st_mtime_ns:
                content = path.read_bytes()
                resource = objects._make_object_resource("", bucket_name, name, "application/octet-stream", str(len(content)))
                resource["timeCreated"] = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                self.objects.setdefault(bucket_name, {})[name] = objects._checksums(content, resource)
                self._seen(bucket_name, name)


def move(request: Request, response: Response, storage: Bucket) -> None:
    bucket, name, to = (request.params[key] for key in ("bucket_name", "object_id", "to"))
    try:
        response.json(objects._copy(request.base_url, storage, bucket, name, bucket, to))
        storage.delete_file(bucket, name)
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND


def download(request: Request, response: Response, storage: Bucket) -> None:
    objects.download(request, response, storage)
    if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        resource = storage.get_file_obj(request.params["bucket_name"], request.params["object_id"])
        response["X-Goog-Generation"] = resource["generation"]


class CheckedRouter(Router):
    def handle(self, method: str) -> None:
        handler = self._request_handler
        query = parse_qs(urlparse(handler.path).query)
        conditions = {"generation": "ifGenerationMatch", "metageneration": "ifMetagenerationMatch"}
        handler.storage.expected = {key: query[name][0] for key, name in conditions.items() if name in query}
        handler.storage.checks_reads = method in (server.GET, server.PATCH)
        bucket = re.search(r"/b/([^/?]+)/o\b", handler.path)
        if bucket and bucket[1] not in handler.storage.buckets:
            self._refuse(HTTPStatus.NOT_FOUND, "The specified bucket does not exist.")
            return
        try:
            super().handle(method)
        except PreconditionFailedError as refusal:
            self._refuse(HTTPStatus.PRECONDITION_FAILED, str(refusal))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        response = Response(self._request_handler)
        response.status = status
        response.json({"error": {"code": status.value, "message": message}})
        response.close()


def routes():
    path = r"/b/(?P<bucket_name>[-.\w]+)/o/(?P<object_id>.*[^/]+)/moveTo/o/(?P<to>.*[^/]+)$"
    for prefix in (re.escape(server.settings.API_ENDPOINT), ""):
        yield rf"^{prefix}{path}", {server.POST: move}
    for pattern, handlers in server.HANDLERS:
        yield pattern, {method: download if handler is objects.download else handler for method, handler in handlers.items()}


if __name__ == "__main__":
    server.HANDLERS, server.Router = tuple(routes()), CheckedRouter
    logging.disable(logging.CRITICAL)
    with HTTPServer(("127.0.0.1", 0), partial(RequestHandler, Bucket(data_dir=sys.argv[1]))) as listening:
        print(listening.server_port, flush=True)
        listening.serve_forever()
