"""`make screenshots`: takes the pictures of docs/walkthrough.md on a demo's stack, and replays a faulty day for them.

After four days of the demo a retrained challenger is scored beside the champion. Then a fault begins: United's flights
come under another code. The day is replayed and monitored like every other: alerts open, and the challenger is
promoted. In the dashboard, a person acknowledges an alert, and rolls the promotion back. Only the fault is staged.
"""

import json
import re
from dataclasses import replace
from datetime import datetime

from playwright.sync_api import HttpCredentials

from adapters.clock_store import ClockStore
from adapters.deployments import Deployments
from adapters.model_registry import CHALLENGER, ModelRegistry
from adapters.monitoring_store import MonitoringStore
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import PROJECT_ROOT, Settings
from adapters.terminal import Say
from data.dataset import load_dataset
from data.site import NEW_YORK
from domain.errors import OntimeError
from experiments.documents.camera import Camera, camera
from experiments.drills.faults import FAULTS
from replay.client import api_client
from replay.driver import Replay, home_day, morning_after
from replay.feed import Feed

FOLDER = PROJECT_ROOT / "docs" / "walkthrough"
PAGE = PROJECT_ROOT / "docs" / "walkthrough.md"
KEPT = PROJECT_ROOT / "docs" / "reports" / "measured" / "walkthrough.json"
MARK, END = "<!-- record: written by `make screenshots` -->", "<!-- /record -->"
NAMES = {"retrain": "retrain", "gate": "promotion gate", "shadow": "promote", "guardrail": "roll back"}
"""Kinds of decisions, as the page names them."""
FAULT = "carrier-renamed"
WHO = "Ada"
DRAWING_MS = 4_000
"""For pages that draw themselves after they are loaded."""


class Walkthrough:
    """A day after some of the demo, in pictures."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        begins: datetime,
        challenger: int,
        window: Camera,
        say: Say,
    ):
        dataset = load_dataset(settings.state_dir / "data")
        faulty = replace(dataset, events=FAULTS[FAULT].change(dataset.events, begins))
        self._settings, self._window, self._say = settings, window, say
        self._replay = Replay(database, api_client(settings), Feed(faulty))
        self._prefect = PrefectClient(settings.prefect_address, settings.prefect_auth)
        self._deployments, self._monitoring = Deployments(database), MonitoringStore(database)
        self._day, self._challenger, self._champion = (
            home_day(begins),
            challenger,
            self._deployments.champion(),
        )

    def run(self) -> None:
        """Replay the days, and take each picture at its moment."""
        try:
            self._sign_in()
            self._morning()
            self._replay_day()
            self._alerts()
            self._candidate()
            self._rollback()
        finally:
            self._replay.close()

    def _morning(self) -> None:
        self._page("now", "01-now")
        self._window.page.locator("main tbody a").first.click()
        self._window.page.locator("h1").first.wait_for()
        self._take("02-flight")
        self._window.open(f"{self._settings.api_address}/apidocs/", ".opblock")
        self._take("03-api")

    def _alerts(self) -> None:
        if not self._open_alerts():
            raise OntimeError(f"no alert is open after {FAULT} on {self._day}")
        self._page("health", "04-alert")
        self._send("Acknowledge")
        self._take("05-acknowledged")
        self._page("health", "06-drift", "#drift")
        self._window.page.locator("#drift ~ .scroll a").last.click()
        self._window.page.wait_for_timeout(2 * DRAWING_MS)
        self._take("07-evidently")

    def _candidate(self) -> None:
        """Show the challenger's way to the champion; `OntimeError` if it was not promoted."""
        page, before = self._window.page, self._champion
        if self._deployments.champion() != self._challenger:
            raise OntimeError(f"version {self._challenger} was not promoted after {self._day}")
        self._page("health", "08-decisions", "#decisions")
        self._page("model", "09-live-comparison", "#live")
        self._page(f"model/compare?one={before}&other={self._challenger}", "10-side-by-side")
        self._prefect_runs()
        self._take("11-prefect", "text=Hide subflows")
        address = f"{self._settings.mlflow_address}/#/models/{self._settings.model_name}"
        self._window.open(address, "text=champion")
        for button in page.get_by_role("button", name="Close", exact=True).all():
            button.click()  # of a panel that MLflow opens by itself
        page.wait_for_timeout(DRAWING_MS)
        self._take("12-mlflow")

    def _prefect_runs(self) -> None:
        """Show what Prefect ran; its page asks for user and password in one field."""
        pages = self._settings.prefect_address.removesuffix("/api")
        if self._settings.prefect_auth:
            self._window.open(f"{pages}/login", "input[type=password]")
            self._window.page.locator("input[type=password]").fill(self._settings.prefect_auth)
            self._window.page.keyboard.press("Enter")
            self._window.page.wait_for_url(lambda address: "/login" not in address)
        self._window.open(f"{pages}/runs", "text=retrain")
        # What it says of its cloud before the login stays in a corner.
        for button in self._window.page.locator(".p-toast__close-btn").all():
            button.click()
        self._window.page.wait_for_timeout(DRAWING_MS)

    def _rollback(self) -> None:
        self._open("model")
        reason = "not in the middle of a change of carriers: first that is cleared up"
        self._window.page.locator("#rollback-reason").fill(reason)
        self._take("13-roll-back", "#change")
        self._send("Roll back")
        self._window.page.wait_for_timeout(DRAWING_MS)  # every worker follows within two seconds
        self._page("model", "14-rolled-back")
        self._page("model", "15-ledger", "#ledger")

    def record(self) -> list[dict[str, str]]:
        """Return what the stack put on record since the demo began: day, what, and why, in its own words."""
        found = [
            {"day": str(a.day), "what": f"alert, {a.severity}", "why": a.message}
            for a in self._monitoring.alerts(NEW_YORK.replay_from, self._day)
        ]
        found += [
            {"day": str(d.day), "what": f"{NAMES[d.kind]}: {'yes' if d.verdict else 'no'}", "why": d.reason}
            for d in self._monitoring.decisions(NEW_YORK.replay_from, self._day)
            if d.kind in NAMES and (d.verdict or d.kind == "gate")
        ]
        found += [
            {
                "day": str(home_day(c.at)),
                "what": f"{c.action} {c.from_version} to {c.to_version}, {c.who}",
                "why": c.reason,
            }
            for c in reversed(self._deployments.history(100))
            if c.status == "done"
        ]
        return sorted(found, key=lambda row: row["day"])

    def _replay_day(self) -> None:
        count = self._replay.replay_day(self._day)
        self._replay.advance(morning_after(self._day))
        self._prefect.run("nightly-monitoring", {"day": self._day.isoformat()}, f"pictures-{self._day}")
        self._say(f"{self._day}: {count.predictions} flights predicted; open alerts: {self._open_alerts()}")

    def _send(self, begin: str) -> None:
        """Click the first button whose name begins so, and wait for what the next page says of it."""
        self._window.page.get_by_role("button", name=re.compile(f"^{begin}")).first.click()
        self._window.page.locator("#main > .notice[role=status]:not(#age)").first.wait_for()

    def _open_alerts(self) -> list[str]:
        return [alert.rule for alert in self._monitoring.alerts(self._day, self._day, open_only=True)]

    def _sign_in(self) -> None:
        page = self._window.page
        self._open("sign-in")
        page.locator("#who").fill(WHO)
        page.locator("#key").fill((self._settings.api_keys_dir / "admin.key").read_text().strip())
        page.locator("button.main").click()
        page.locator("nav").first.wait_for()

    def _open(self, path: str) -> None:
        self._window.open(f"{self._settings.api_address}/dashboard/{path}", "main")

    def _page(self, path: str, name: str, at: str | None = None) -> None:
        self._open(path)
        self._take(name, at)

    def _take(self, name: str, at: str | None = None) -> None:
        self._say(f"picture: {self._window.shoot(name, at).relative_to(PROJECT_ROOT)}")


def take(settings: Settings, say: Say) -> None:
    """Take every picture of the walkthrough from the demo's stack.

    Raises
    ------
    OntimeError
        If there is no challenger, or something that the pictures show did not happen.
    """
    database = Database.from_settings(settings)
    try:
        challenger = ModelRegistry.from_settings(settings).alias(CHALLENGER)
        if challenger is None:
            raise OntimeError("the pictures need a challenger, as there is one after `make demo DAYS=4`")
        with camera(FOLDER, login=_mlflow_login(settings)) as window:
            walkthrough = Walkthrough(
                settings, database, ClockStore(database).read().now, challenger, window, say
            )
            walkthrough.run()
        record = walkthrough.record()
    finally:
        database.close()
    KEPT.write_text(json.dumps(record, indent=1) + "\n")
    PAGE.write_text(with_record(PAGE.read_text(), record))
    say(f"written to {PAGE.relative_to(PROJECT_ROOT)} and {KEPT.relative_to(PROJECT_ROOT)}")


def _mlflow_login(settings: Settings) -> HttpCredentials | None:
    if settings.mlflow_auth is None:
        return None
    username, _, password = settings.mlflow_auth.partition(":")
    return HttpCredentials(username=username, password=password, origin=settings.mlflow_address)


def with_record(text: str, record: list[dict[str, str]]) -> str:
    """Put a record between the page's two marks, as a table."""
    before, rest = text.split(MARK)
    _, after = rest.split(END)
    rows = "\n".join(f"| {row['day']} | {row['what']} | {row['why']} |" for row in record)
    return f"{before}{MARK}\n\n| day | what | in the stack's words |\n|---|---|---|\n{rows}\n\n{END}{after}"
