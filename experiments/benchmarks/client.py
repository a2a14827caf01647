"""A load generator in one process: closed loop, so many clients at once, or open loop, so many requests a second.

It opens a connection a request, as Gunicorn's sync workers close theirs. In the open loop a request starts when it is
due, however slowly those before it are answered: what an overloaded server sees.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TIMEOUT_SECONDS = 10.0
MOST_OPEN = 4000
LOOK_SECONDS = 0.1
"""How often it looks for requests that were not answered in time."""
CHUNK = 65_536


@dataclass(frozen=True)
class Answer:
    """What became of one request."""

    number: int
    """Of the request, in the order of their start."""
    status: int
    """0 where the connection was refused, closed early or not answered in time."""
    seconds: float
    head: bytes
    body: bytes


@dataclass
class Summary:
    """What became of many."""

    seconds: float = 0.0
    """From the first start to the last answer."""
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0
    """Answers 429 and 503 that do not say when to come again."""

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        self.statuses[answer.status] += 1
        self.latencies.setdefault(answer.status, []).append(answer.seconds)
        if answer.status in (429, 503) and b"\r\nretry-after:" not in answer.head.lower():
            self.without_retry_after += 1

    def rate(self, status: int = 200) -> float:
        """Return the answers of a status a second."""
        return self.statuses[status] / self.seconds if self.seconds else 0.0

    def percentile(self, share: float, status: int = 200) -> float:
        """Return the milliseconds within which that share of the answers of a status came; NaN without any."""
        found = self.latencies.get(status)
        return float(np.quantile(found, share) * 1000) if found else float("nan")


def request(path: str, body: bytes, key: str = "", method: str = "POST") -> bytes:
    """Write an HTTP request."""
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}{content}Connection: close\r\n\r\n"
    return head.encode() + body


class _Exchange:
    """One request on its connection."""

    __slots__ = ("answered", "began", "number", "socket", "waiting")

    def __init__(self, number: int, waiting: bytes, address: tuple[str, int], due: float):
        self.number = number
        self.began = due
        self.waiting = waiting
        self.answered = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(address)

    def result(self, now: float, whole: bool = True) -> Answer:
        head, _, body = self.answered.partition(b"\r\n\r\n")
        status = int(head[9:12]) if whole and head[:5] == b"HTTP/" else 0
        return Answer(self.number, status, now - self.began, head, body)


def run(
    port: int,
    requests: Iterator[bytes],
    seconds: float,
    clients: int | None = None,
    rate: float | None = None,
    each: Callable[[Answer], Any] = lambda answer: None,
    timeout: float = TIMEOUT_SECONDS,
) -> Summary:
    """Send requests to a loopback port for some seconds, and wait for the last answers.

    Parameters
    ----------
    requests : iterator of bytes
        Whole requests; one that ends early ends the run.
    clients : int, optional
        How many wait for an answer at once: the closed loop.
    rate : float, optional
        Requests a second: the open loop.
    each : callable, optional
        Called with every answer.
    """
    summary = Summary()
    with selectors.DefaultSelector() as selector:
        open_now: dict[int, _Exchange] = {}
        started = time.perf_counter()
        until, number, more = started + seconds, 0, True
        look = started

        def finish(exchange: _Exchange, whole: bool) -> None:
            answer = exchange.result(time.perf_counter(), whole)
            selector.unregister(exchange.socket)
            del open_now[exchange.socket.fileno()]
            exchange.socket.close()
            summary.add(answer)
            each(answer)

        while True:
            now = time.perf_counter()
            while more and now < until and len(open_now) < MOST_OPEN:
                due = started + number / rate if rate else now
                if due > now or (clients and len(open_now) >= clients):
                    break
                content = next(requests, None)
                if content is None:
                    more = False
                    break
                exchange = _Exchange(number, content, ("127.0.0.1", port), due)
                number += 1
                open_now[exchange.socket.fileno()] = exchange
                selector.register(exchange.socket, selectors.EVENT_WRITE, exchange)
            if not open_now and (now >= until or not more):
                break
            for key, events in selector.select(0.001 if rate else 0.05):
                _advance(selector, key.data, events, finish)
            if now >= look:
                look = now + LOOK_SECONDS
                for late in [e for e in open_now.values() if now - e.began > timeout]:
                    finish(late, whole=False)
        summary.seconds = max(time.perf_counter() - started, seconds)
    return summary


def _advance(
    selector: selectors.BaseSelector,
    exchange: _Exchange,
    events: int,
    finish: Callable[[_Exchange, bool], None],
) -> None:
    try:
        if events & selectors.EVENT_WRITE:
            sent = exchange.socket.send(exchange.waiting)
            exchange.waiting = exchange.waiting[sent:]
            if not exchange.waiting:
                selector.modify(exchange.socket, selectors.EVENT_READ, exchange)
            return
        found = exchange.socket.recv(CHUNK)
    except BlockingIOError:
        return
    except OSError:
        finish(exchange, False)
        return
    exchange.answered += found
    if not found or _is_whole(exchange.answered):
        finish(exchange, _is_whole(exchange.answered))


def _is_whole(answered: bytes) -> bool:
    head, end, body = answered.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(length.split(b"\r\n")[0] or 0 if length else 0)
