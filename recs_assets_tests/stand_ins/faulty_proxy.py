"""A proxy in front of a server that fails: it refuses a request, or does it and loses the answer."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Literal
from urllib.parse import urlsplit

# refused: not done. lost: done, and the answer says otherwise. cut: done, and no answer comes.
Fault = Literal["429", "500", "lost", "cut"]
FAULTS: tuple[Fault, ...] = ("429", "500", "lost", "cut")
NOT_PASSED_ON = {"transfer-encoding", "connection", "content-length", "date", "server"}


@dataclass
class Proxy:
    """A proxy: its address, which request gets which fault, what becomes of the answers, and what it was asked for."""

    url: str = ""
    fault: Callable[[str, str, bytes], Fault | None] = lambda method, path, body: None
    edit: Callable[[bytes], bytes] = lambda answer: answer
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)


def once_each(first: int = 0) -> Callable[[str, str, bytes], Fault | None]:
    """Each request fails once, one in this way and the next in another, before it is answered as it should be."""
    failed, ways = set[tuple[str, str, bytes]](), cycle(FAULTS[first:] + FAULTS[:first])

    def fault(method: str, path: str, body: bytes) -> Fault | None:
        request = (method, path, body)
        if request in failed:
            failed.remove(request)
            return None
        failed.add(request)
        return next(ways)

    return fault


@contextmanager
def faulty_proxy(server: str) -> Iterator[Proxy]:
    """A proxy in front of a server's address, for the block."""
    proxy, to = Proxy(), urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.asked.append((self.command, self.path, body))
            kind = proxy.fault(self.command, self.path, body)
            if kind in ("429", "500"):
                self._answer(int(kind), [], b'{"error": {"message": "not now"}}')
                return
            connection = http.client.HTTPConnection(to, timeout=60)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if kind == "cut":
                self.close_connection = True
                self.connection.close()
            elif kind == "lost":
                self._answer(500, [], b'{"error": {"message": "not now"}}')
            else:
                self._answer(answer.status, answer.getheaders(), proxy.edit(content))

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers or [("Content-Type", "application/json")]:
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """A test's output is its own."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{listening.server_address[1]}"
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        listening.server_close()
