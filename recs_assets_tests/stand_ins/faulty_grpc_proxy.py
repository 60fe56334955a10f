"""The same for BigQuery's storage API, which speaks gRPC: a call fails with a status before it is passed on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc


@dataclass
class GrpcProxy:
    """A proxy: its address, ``host:port``; the statuses with which the next calls of methods fail; what it was asked for."""

    url: str = ""
    failing: dict[str, list[grpc.StatusCode]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def faulty_grpc_proxy(server: str) -> Iterator[GrpcProxy]:
    """A proxy in front of a server's address, for the block."""
    proxy = GrpcProxy()

    class Passing(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            name = details.method.rpartition("/")[2]
            if name == "ReadRows":
                return grpc.unary_stream_rpc_method_handler(self._passed(name, channel.unary_stream(details.method)))
            return grpc.unary_unary_rpc_method_handler(self._passed(name, channel.unary_unary(details.method)))

        def _passed(self, name: str, call: Callable[..., Any]) -> Callable[[bytes, grpc.ServicerContext], Any]:
            def passed(request: bytes, context: grpc.ServicerContext) -> Any:
                proxy.asked.append(name)
                if waiting := proxy.failing.get(name):
                    context.abort(waiting.pop(0), "not now")
                return call(request, timeout=60)

            return passed

    with grpc.insecure_channel(server) as channel:
        listening = grpc.server(ThreadPoolExecutor(4), [Passing()])
        proxy.url = f"127.0.0.1:{listening.add_insecure_port('127.0.0.1:0')}"
        listening.start()
        try:
            yield proxy
        finally:
            listening.stop(None).wait()
