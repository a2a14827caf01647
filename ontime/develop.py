"""Commands for work on the code: tests, load, the README's answer, the API's description."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from adapters import chromium
from adapters.settings import PROJECT_ROOT, settings
from adapters.terminal import say
from deploy.backups import off_host
from deploy.native import layout

app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Run the tests; further words go to pytest. Needs no stack, and leaves none behind."""
    # All of them side by side; for a few, starting the workers would take longer than the tests.
    command = [sys.executable, "-m", "pytest", *(context.args or ["--numprocesses=auto"])]
    environment = _test_environment(layout.environment(settings()))
    raise typer.Exit(subprocess.call(command, cwd=PROJECT_ROOT, env=environment))


def _test_environment(variables: dict[str, str]) -> dict[str, str]:
    """Return a stack's environment without what points at a stack: tests start their own servers and may use Docker."""
    own = ("ONTIME_", "PREFECT_", "MLFLOW_TRACKING_", "PROMETHEUS_")
    kept = {name: value for name, value in variables.items() if not name.startswith(own)}
    if kept.get("DOCKER_HOST") == layout.NO_ENGINE:
        del kept["DOCKER_HOST"]
    return kept


@app.command()
def load(
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How long.")] = 20,
    users: Annotated[int, typer.Option(min=1, max=2000, help="Clients at once.")] = 8,
    rate: Annotated[
        float, typer.Option(min=0, help="Requests a second of all clients; 0 = as many as are answered.")
    ] = 0,
    host: Annotated[str, typer.Option(help="Address of the API; by default that of the native stack.")] = "",
    p99: Annotated[float, typer.Option(help="Milliseconds that 99% of single predictions may take.")] = 1000,
    failed: Annotated[float, typer.Option(help="Share of the requests that may fail.")] = 0,
    web: Annotated[bool, typer.Option("--web", help="Locust's own page on port 8089 instead.")] = False,
) -> None:
    """Load the running API with real flights; exit status 1 where too many fail or wait; writes reports/load.html."""
    where = settings()
    command = [
        sys.executable, "-m", "locust", "-f", "tests/load/locustfile.py", "--host", host or where.api_address,
        "--users", str(users), "--spawn-rate", str(users), "--stop-timeout", "5",
    ]  # fmt: skip
    if web:
        command += ["--web-host", "127.0.0.1"]
    else:
        page = where.reports_dir / "load.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        command += ["--headless", "--only-summary", "--run-time", f"{seconds}s", "--html", str(page)]
    limits = {"RATE": rate / users, "P99_MS": p99, "FAILED_SHARE": failed}
    variables = {f"LOAD_{name}": str(value) for name, value in limits.items()}
    raise typer.Exit(subprocess.call(command, cwd=PROJECT_ROOT, env=layout.environment(where) | variables))


@app.command()
def browser() -> None:
    """Install Chromium, in which the tests of the dashboard run, where it is missing and can be installed."""
    _have("chromium", chromium.find)


@app.command()
def restic() -> None:
    """Install restic, which keeps backups off the host, where it is missing and can be installed."""
    _have(off_host.PROGRAM, lambda: shutil.which(off_host.PROGRAM))


def _have(package: str, find: Callable[[], str | None]) -> None:
    """Install a package of Debian's where its program is missing."""
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing Debian's {package}")
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *words], stdout=subprocess.DEVNULL, check=False)
        found = find()
    if found is None:
        say(f"there is no {package}, and it cannot be installed here: apt-get install {package}, as root")
        raise typer.Exit(1)
    say(f"{package} is there: {found}")


@app.command()
def readme() -> None:
    """Ask the README's question after the demo, and write the answer into README and docs/reports/measured."""
    from replay.readme import write_answer

    write_answer(settings(), say)


@app.command()
def openapi() -> None:
    """Print the API's description as JSON."""
    from app.openapi import describe

    print(json.dumps(describe(), indent=1))


@app.command()
def api_docs() -> None:
    """Write the error catalogue, the Postman collection and its environment into docs/api."""
    from replay.api_documents import write_documents

    write_documents(say)


@app.command()
def guide() -> None:
    """After the demo: run the examples of the API guide, and write their answers into it."""
    from replay.guide import write_guide

    write_guide(settings(), say)


@app.command()
def postman(
    append: Annotated[
        bool, typer.Option("--append", help="Also append the examples' events and labels to the stack.")
    ] = False,
) -> None:
    """Run the Postman collection on the running stack with newman: what asks, nothing that changes."""
    from replay.newman import run_collection

    raise typer.Exit(run_collection(settings(), say, append))
