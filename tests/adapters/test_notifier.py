"""Alerts reach a real mail server and a real web server, and are tried again when they refuse."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

from adapters.alert_deliveries import AlertDeliveries
from adapters.monitoring_store import MonitoringStore
from adapters.notifier import Notifier, Pager

# Apprise imports a module that Python 3.13 no longer has, and has a stand-in for it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DAY = date(2013, 4, 3)
NOW = datetime(2013, 4, 4, 10, tzinfo=UTC)


class Mailbox:
    """A mail server that keeps what it is sent, or refuses it."""

    def __init__(self):
        self.letters, self.refuses = [], False

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  the library's name
        if self.refuses:
            return "451 come back later"
        self.letters.append(envelope.content.decode())
        return "250 taken"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def mailbox(free_port_number) -> Iterator[tuple[Mailbox, str]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port_number)
    controller.start()
    yield (
        mailbox,
        f"mailto://127.0.0.1:{free_port_number}/?from=ontime@ops.example&to=duty@ops.example&mode=insecure",
    )
    controller.stop()


@pytest.fixture
def webhook() -> Iterator[tuple[ThreadingHTTPServer, str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.requests, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, f"json://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(postgres):
    return MonitoringStore(postgres)


@pytest.fixture
def deliveries(postgres):
    return AlertDeliveries(postgres)


def opened(store, rule="an airport is closed", severity="warning") -> int:
    return store.open_alert(rule, severity, DAY, NOW, f"{rule}: EWR. Look.", {})


def let_time_pass(postgres, **ago) -> None:
    """As if every attempt so far had been made longer ago."""
    with postgres.transaction() as cursor:
        cursor.execute("ALTER TABLE alert_deliveries DISABLE TRIGGER append_only")
        cursor.execute(
            "UPDATE alert_deliveries SET attempted_at = attempted_at - make_interval(secs => %s)",
            [ago["seconds"]],
        )
        cursor.execute("ALTER TABLE alert_deliveries ENABLE TRIGGER append_only")


def test_a_page_reaches_mail_and_webhook_once(store, deliveries, mailbox, webhook):
    (box, mail), (server, hook) = mailbox, webhook
    pager = Pager(deliveries, Notifier(f"{mail} {hook}"))
    alert = opened(store)
    assert pager.deliver_due() == 1
    assert pager.deliver_due() == 0
    [letter], [request] = box.letters, server.requests
    assert "ontime warning: an airport is closed" in letter
    assert request["title"] == "ontime warning: an airport is closed"
    assert request["message"] == "an airport is closed: EWR. Look."
    assert [d.delivered for d in deliveries.of(alert)] == [True, True]
    assert store.alerts(DAY, DAY)[0].notified_at is not None


def test_a_refused_delivery_is_recorded_and_tried_again_only_where_it_was_refused(
    store, deliveries, postgres, mailbox, webhook
):
    (box, mail), (server, hook) = mailbox, webhook
    pager = Pager(deliveries, Notifier(f"{mail} {hook}"))
    server.status = 503
    alert = opened(store)
    assert pager.deliver_due() == 1
    assert store.alerts(DAY, DAY)[0].notified_at is None
    assert pager.deliver_due() == 0  # not at once
    server.status = 200
    let_time_pass(postgres, seconds=31)
    assert pager.deliver_due() == 1
    assert len(box.letters) == 1
    assert len(server.requests) == 2
    assert [(d.address[:4], d.delivered) for d in deliveries.of(alert)] == [
        ("mail", True), ("json", False), ("json", True),
    ]  # fmt: skip
    assert store.alerts(DAY, DAY)[0].notified_at is not None


def test_a_mail_server_that_refuses_and_one_that_is_gone_are_tried_again(
    store, deliveries, postgres, mailbox
):
    box, mail = mailbox
    pager = Pager(deliveries, Notifier(mail))
    box.refuses = True
    alert = opened(store)
    pager.deliver_due()
    assert box.letters == []
    box.refuses = False
    let_time_pass(postgres, seconds=31)
    pager.deliver_due()
    assert len(box.letters) == 1
    assert [d.delivered for d in deliveries.of(alert)] == [False, True]


def test_the_pause_doubles_and_after_a_day_an_alert_is_given_up(
    store, deliveries, postgres, free_port_number
):
    pager = Pager(deliveries, Notifier(f"json://127.0.0.1:{free_port_number}/"))
    opened(store)
    assert pager.deliver_due() == 1
    let_time_pass(postgres, seconds=31)
    assert pager.deliver_due() == 1
    let_time_pass(postgres, seconds=31)
    assert pager.deliver_due() == 0
    let_time_pass(postgres, seconds=31)
    assert pager.deliver_due() == 1
    let_time_pass(postgres, seconds=86_400)
    assert pager.deliver_due() == 0


def test_what_is_for_information_pages_nobody(store, deliveries, webhook):
    server, hook = webhook
    opened(store, severity="info")
    assert Pager(deliveries, Notifier(hook)).deliver_due() == 0
    assert server.requests == []


def test_what_resolved_before_it_was_delivered_is_not_sent(store, deliveries, webhook):
    _, hook = webhook
    opened(store)
    store.resolve_alerts(["an airport is closed"], [], NOW)
    assert Pager(deliveries, Notifier(hook)).deliver_due() == 0


def test_an_address_that_is_not_understood_is_on_record_without_its_password(store, deliveries):
    alert = opened(store)
    Pager(deliveries, Notifier("nonsense://user:secret@host")).deliver_due()
    [attempt] = deliveries.of(alert)
    assert (attempt.delivered, attempt.detail) == (False, "the address is not understood")
    assert "secret" not in attempt.address


def test_two_processes_do_not_deliver_one_alert_twice(store, deliveries, webhook):
    server, hook = webhook
    for i in range(8):
        opened(store, rule=f"rule {i}")
    pager = Pager(deliveries, Notifier(hook))
    threads = [threading.Thread(target=pager.deliver_due) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({r["title"] for r in server.requests}) == len(server.requests) == 8
