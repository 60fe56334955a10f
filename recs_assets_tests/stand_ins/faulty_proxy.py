"""A proxy in front of a server that fails: it refuses a request, or does it and loses the answer."""

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

# Not done: refused with a status; dropped, without an answer. Done: lost, the answer says otherwise; cut, no answer; held, no
# answer for as long as anybody waits.
Fault = Literal["429", "500", "503", "dropped", "lost", "cut", "held"]
# What Google's services give as the reason.
REASONS = {429: "rateLimitExceeded", 500: "internalError", 503: "backendError"}
NOT_PASSED_ON = {"transfer-encoding", "connection", "content-length", "date", "server"}
# Which request gets which fault, by its method, path and body.
Faults = Callable[[str, str, bytes], Fault | None]

NAMES = re.compile(r"/(projects|datasets|tables|jobs|queries|b|o)/[^/]+")


@dataclass
class Proxy:
    """A proxy: its address, which request gets which fault, what becomes of the answers, and what it was asked for."""

    url: str = ""
    fault: Faults = lambda method, path, body: None
    edit: Callable[[bytes], bytes] = lambda answer: answer
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def calls(self) -> set[str]:
        """The distinct calls of the API that it was asked for."""
        return {call_of(*request) for request in self.asked}


def call_of(method: str, path: str, body: bytes) -> str:
    """Which call of an API a request is, whatever it names: of a job what it does, of a query its first word."""
    url = urlsplit(path)
    asked = parse_qs(url.query)
    marks = [f"{name}={asked[name][0]}" for name in ("alt", "uploadType") if name in asked]
    marks += [name for name in ("upload_id", "ifGenerationMatch", "delimiter") if name in asked]
    called = " ".join([method, NAMES.sub(r"/\1/*", url.path), *marks])
    if not (url.path.endswith("/jobs") and method == "POST" and body.startswith(b"{")):
        return called
    configuration = json.loads(body)["configuration"]
    if "query" not in configuration:
        return f"{called} load"
    first = re.sub(r"--[^\n]*\n", "", configuration["query"]["query"]).split()[0]
    return f"{called} {'dry run' if configuration.get('dryRun') else first.replace('WITH', 'SELECT')}"


def each_call_first(faults: Sequence[Fault]) -> Faults:
    """The first request of each call fails in all of these ways, one after the other, before it is answered as it should be."""
    waiting: dict[str, list[Fault]] = {}

    def fault(method: str, path: str, body: bytes) -> Fault | None:
        left = waiting.setdefault(call_of(method, path, body), list(faults))
        return left.pop(0) if left else None

    return fault


def _handler(proxy: Proxy, to: str) -> type[BaseHTTPRequestHandler]:
    """What answers the requests of a proxy in front of the address ``to``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.asked.append((self.command, self.path, body))
            kind = proxy.fault(self.command, self.path, body)
            if kind == "dropped":
                self._drop()
                return
            if kind is not None and kind.isdigit():
                self._fail(int(kind))
                return
            connection = http.client.HTTPConnection(to, timeout=60)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if kind == "held":
                proxy.ended.wait()
            if kind in ("cut", "held"):
                self._drop()
            elif kind == "lost":
                self._fail(500)
            else:
                self._answer(answer.status, answer.getheaders(), proxy.edit(content))

        def _drop(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _fail(self, status: int) -> None:
            error = {"code": status, "message": "not now", "errors": [{"reason": REASONS[status], "message": "not now"}]}
            self._answer(status, [("Content-Type", "application/json")], json.dumps({"error": error}).encode())

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """A test's output is its own."""

    return Handler


@contextmanager
def faulty_proxy(server: str) -> Iterator[Proxy]:
    """A proxy in front of a server's address, for the block."""
    proxy = Proxy()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy, urlsplit(server).netloc))
    listening.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        listening.shutdown()
        listening.server_close()
