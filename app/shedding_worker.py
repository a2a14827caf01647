"""Gunicorn's sync worker that refuses at once what it could only answer too late, and leaves once it is replaced.

Requests wait in the kernel's queue of the listening socket, which every worker shares. Under overload that queue grows
until each answer comes after its client has given up, and all work is in vain. So a worker that takes a connection
while too many others wait refuses it, unread, in a tenth of the time an answer takes; health checks are answered.
"""

import gc
import json
import os
import socket
import threading
from types import FrameType
from typing import Any

from gunicorn.workers.sync import SyncWorker

from adapters.waiting import wait_until
from app import succession
from app.problem_types import OVERLOADED

LONGEST_QUEUE = 256
"""Connections that may wait: some tenths of a second of answers about one flight."""
MOST_REFUSED = 32
"""Connections refused in a row: however many come, one of so many is answered."""
CLIENT_SECONDS = 5.0
"""How long a client may keep a worker waiting for the next bytes of its request, where no proxy buffers them."""
RETRY_AFTER_SECONDS = 1
_TCP_INFO_BYTES = 32
_WAITING_AT = 24
"""Where Linux' struct tcp_info has the accept queue of a listening socket: its field tcpi_unacked."""
_HEALTH = b"GET /health/"


class SheddingWorker(SyncWorker):  # type: ignore[misc]  # gunicorn has no types
    """Takes one request after the other, and refuses some while the queue is too long."""

    def run(self) -> None:
        """Take requests until asked to leave."""
        # What is there now stays: no collection during a request looks through it again.
        gc.collect()
        gc.freeze()
        succession.answers(self)
        super().run()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave; at a reload only once those that replace this worker can answer."""
        if succession.awaited(self):
            threading.Thread(target=self._leave_once_replaced, name="leave", daemon=True).start()
        else:
            super().handle_exit(sig, frame)

    def _leave_once_replaced(self) -> None:
        wait_until(lambda: not succession.awaited(self), succession.TAKEOVER_SECONDS, 0.05)
        self.alive = False
        os.write(self.PIPE[1], b"1")  # it may wait for a connection

    def accept(self, listener: Any) -> None:
        """Take a connection and answer its request, after those that it refuses."""
        refused = 0
        try:
            client, address = listener.accept()
            while refused < MOST_REFUSED and waiting(listener) > LONGEST_QUEUE:
                if _asks_about_health(client):
                    break
                _refuse(client)
                refused += 1
                client, address = listener.accept()
        finally:
            self._count(refused)
        client.settimeout(CLIENT_SECONDS)
        self.handle(listener, client, address)

    def _count(self, refused: int) -> None:
        parts = getattr(self.wsgi, "extensions", {}).get("ontime")
        if refused and parts is not None:
            parts.counts.request("/v1/", "other", 503, 0.0, refused)


def waiting(listener: Any) -> int:
    """Return how many connections wait to be accepted; 0 where the system does not tell."""
    try:
        found = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return 0
    return int.from_bytes(found[_WAITING_AT : _WAITING_AT + 4], "little")


def _asks_about_health(client: socket.socket) -> bool:
    try:
        return client.recv(len(_HEALTH), socket.MSG_PEEK | socket.MSG_DONTWAIT) == _HEALTH
    except OSError:
        return False


def _refuse(client: socket.socket) -> None:
    try:
        # What is left unread would make the kernel take the answer back.
        client.recv_into(_UNREAD, 0, socket.MSG_DONTWAIT)
        client.send(_REFUSAL.replace(_IDENTITY, os.urandom(8).hex().encode()), socket.MSG_DONTWAIT)
    except OSError:
        pass
    finally:
        client.close()


def _refusal() -> bytes:
    body = json.dumps(
        {
            "type": OVERLOADED.uri,
            "title": OVERLOADED.title,
            "status": OVERLOADED.status,
            "detail": "too many requests wait: try again in a moment",
            "request_id": _IDENTITY.decode(),
        },
        separators=(",", ":"),
    )
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"Retry-After: {RETRY_AFTER_SECONDS}\r\nX-Request-ID: {_IDENTITY.decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


_UNREAD = bytearray(65_536)
"""Where it is read to: fresh room for it takes as long as all the rest of a refusal."""
_IDENTITY = b"0123456789abcdef"
"""Stands for the request's in the refusal, which is written beforehand: it has to cost next to nothing."""
_REFUSAL = _refusal()
