"""A collector of OpenTelemetry's: OTLP over HTTP, its messages read with OpenTelemetry's own definition of them."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.waiting import wait_until
from tests.session import DISCARD_PORT


@dataclass(frozen=True)
class Span:
    """A span as it came over the wire; ids are hex."""

    service: str
    trace: str
    id: str
    parent: str
    name: str
    kind: int
    began: int
    ended: int
    attributes: dict[str, Any]
    links: list[tuple[str, str]]
    failed: bool


@dataclass
class Collector:
    """What was received, and how the next is answered."""

    address: str
    spans: list[Span] = field(default_factory=list)
    status: int = 200
    seconds: float = 0.0
    asked: int = 0

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a process that sends here, at once."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.address, "OTEL_BSP_SCHEDULE_DELAY": "50"} | more

    def of_trace(self, trace: str, count: int) -> list[Span]:
        """The spans of a trace, once so many have come, as they began."""
        trace = trace.replace("-", "")

        def found() -> list[Span]:
            return sorted((s for s in self.spans if s.trace == trace), key=lambda span: span.began)

        wait_until(lambda: len(found()) >= count, 20.0, 0.05)
        return found()

    def take(self, message: ExportTraceServiceRequest) -> None:
        """Keep the spans of a message."""
        for resource in message.resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            self.spans += [_span(service, span) for scope in resource.scope_spans for span in scope.spans]


def _values(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def _span(service: str, span: Any) -> Span:
    return Span(
        service, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name, span.kind,
        span.start_time_unix_nano, span.end_time_unix_nano, _values(span.attributes),
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links], span.status.code == 2,
    )  # fmt: skip


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    there = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            there.asked += 1
            message = ExportTraceServiceRequest.FromString(
                self.rfile.read(int(self.headers["Content-Length"]))
            )
            time.sleep(there.seconds)
            if there.status == 200 and self.path == "/v1/traces":
                there.take(message)
            self.send_response(there.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield there
        server.shutdown()


@pytest.fixture
def traced(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Collector:
    """The collector, to which this process sends."""
    for name, value in collector.environment().items():
        monkeypatch.setenv(name, value)
    return collector


DEAD = f"http://127.0.0.1:{DISCARD_PORT}"
"""Where no collector answers."""
