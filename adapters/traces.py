"""Traces of predictions. A prediction's id is 16 bytes, as a trace's: it is the trace's id.

So each process finds the trace by the id that it handles anyway, and nothing is stored for it: the API begins it, the
shipper and the monitoring run add to it.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from heapq import nsmallest
from itertools import takewhile
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

logger = logging.getLogger(__name__)

MOST = 100
"""Predictions of one batch of requests, of one block that is shipped, of one monitored day, that are traced at most."""
FLUSH_SECONDS = 2.0
RANDOM_BITS = 56
"""So many at the end of a trace's id are random; of a prediction's id the 62 last are."""


class Traces:
    """Records spans of this process; a thread sends them, and what it cannot send is lost."""

    def __init__(self, process: str):
        self._ids = _Ids()
        # Not the process's global one: it would export whatever libraries trace of themselves.
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": f"ontime-{process}"}),
            id_generator=self._ids,
            shutdown_on_exit=False,  # it may wait half a minute for a collector that is away
        )
        self._sampler = self._provider.sampler = _ByRandomBits(self._provider.sampler)
        self._exporter = _Exporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("ontime")

    def chosen(self, ids: Iterable[str]) -> list[str]:
        """Return those that are sampled, at most `MOST`: by their ids alone, so that every process chooses the same.

        Samplers by ratio take the ids whose random bits are lowest: those come first, and at a bound they stay.
        """
        return list(takewhile(self._is_sampled, nsmallest(MOST, ids, key=_random_bits)))

    def _is_sampled(self, trace: str) -> bool:
        decision = self._sampler.should_sample(None, _number(trace), "").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def new_id(self) -> str:
        """Return the id of a trace that is not a prediction's."""
        return f"{RandomIdGenerator().generate_trace_id():032x}"

    def root(self, trace: str, name: str, began: int, ended: int, **described: Any) -> SpanContext:
        """Record the first span of a trace; the rest as `child`."""
        self._ids.begin_with(self.root_of(trace))
        return self._record(Context(), name, began, ended, **described)

    def child(self, parent: SpanContext, name: str, began: int, ended: int, **described: Any) -> SpanContext:
        """Record a span below another.

        Parameters
        ----------
        parent : SpanContext
            Of the span above it, in whatever process: `root_of` the prediction's id.
        began, ended : int
            Nanoseconds since 1970.
        described
            As `_record` takes it.
        """
        return self._record(
            set_span_in_context(NonRecordingSpan(parent), Context()), name, began, ended, **described
        )

    def _record(
        self,
        within: Context,
        name: str,
        began: int,
        ended: int,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[SpanContext] = (),
        is_server: bool = False,
        failed: bool = False,
    ) -> SpanContext:
        span = self._tracer.start_span(
            name,
            context=within,
            kind=SpanKind.SERVER if is_server else SpanKind.INTERNAL,
            attributes=attributes,
            links=[Link(context) for context in links],
            start_time=began,
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)
        return span.get_span_context()

    def flush(self) -> None:
        """Send what waits, for two seconds at most: a collector that is away holds nobody up for longer."""
        sending = threading.Thread(target=self._provider.force_flush, name="flush-traces", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)

    def close(self) -> None:
        """Send what waits, as `flush`, and nothing after that."""
        self.flush()
        self._exporter.shutdown()

    @staticmethod
    def root_of(trace: str) -> SpanContext:
        """Return the context of a trace's first span: its id is the end of the trace's."""
        number = _number(trace)
        return SpanContext(number, number & (1 << 64) - 1, True, TraceFlags(TraceFlags.SAMPLED))

    @staticmethod
    def client_of(headers: Iterable[tuple[str, str]]) -> list[SpanContext]:
        """Return the span of the client that a request's `traceparent` names; none where it names none."""
        carrier = {name.lower(): value for name, value in headers}
        found = get_current_span(
            TraceContextTextMapPropagator().extract(carrier, Context())
        ).get_span_context()
        return [found] if found.is_valid else []


def _number(trace: str) -> int:
    return int(trace.replace("-", ""), 16)


def _random_bits(trace: str) -> int:
    return _number(trace) & (1 << RANDOM_BITS) - 1


class _Ids(RandomIdGenerator):
    """Makes random ids of spans, but the first of a trace is given its own."""

    def __init__(self) -> None:
        self._next = threading.local()

    def begin_with(self, root: SpanContext) -> None:
        """Give the next span that this thread begins the ids of a root."""
        self._next.root = root

    def generate_trace_id(self) -> int:
        """Return the id that was given."""
        return int(self._next.root.trace_id)

    def generate_span_id(self) -> int:
        """Return the id that was given, once; a random one otherwise."""
        root = self._next.__dict__.pop("root", None)
        return super().generate_span_id() if root is None else int(root.span_id)


class _ByRandomBits(Sampler):
    """Samples as another, by the random bits of the trace's id alone.

    Samplers by ratio compare its last 64 bits with a bound. Those of a UUID begin with two fixed ones, 10: of a tenth
    they would choose none.
    """

    def __init__(self, sampler: Sampler):
        self._sampler = sampler

    def should_sample(
        self, parent_context: Context | None, trace_id: int, name: str, *rest: Any, **named: Any
    ) -> SamplingResult:
        """Decide as the other would of an id that ends with the random bits."""
        spread = trace_id << 64 - RANDOM_BITS & (1 << 128) - 1
        return self._sampler.should_sample(parent_context, spread, name, *rest, **named)

    def get_description(self) -> str:
        """Return the other's description."""
        return self._sampler.get_description()


class _Why(threading.local):
    """Why a thread's last spans could not be sent: what the exporter logs, at each attempt, is kept here instead."""

    reason = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a line of the exporter's log out of ours."""
        self.reason = record.getMessage()
        return False


_why = _Why()


class _Exporter(OTLPSpanExporter):
    """Says once that spans are lost, and why, and how many were when the collector takes them again."""

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0
        self._is_open = True
        logging.getLogger(OTLPSpanExporter.__module__).addFilter(_why)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, each once."""
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                logger.warning("the collector takes spans again", extra={"lost": self._lost})
            self._lost = 0
            return result
        if not self._lost and self._is_open:
            logger.warning("the collector takes no spans", extra={"reason": _why.reason})
        self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Give up what is being sent, and send nothing more."""
        self._is_open = False
        super().shutdown()  # type: ignore[no-untyped-call]
