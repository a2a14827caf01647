"""Commands that train a model, validate it, promote it and roll it back."""

import platform
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from adapters.championship import Championship
from adapters.deployments import ANY, Deployment, Deployments
from adapters.model_registry import START_PATIENCE_SECONDS, ModelRegistry
from adapters.postgres import Database
from adapters.prefect_client import PrefectClient
from adapters.settings import settings
from adapters.terminal import say
from deploy.native.manager import sign_again as sign_models_again
from deploy.native.manager import with_database
from deploy.secret_files import replace_signing_secret
from domain.errors import NotReady
from ontime.options import Who

app = typer.Typer()
SECONDS_TO_ASK = 10.0


Expected = Annotated[
    int | None, typer.Option(help="The champion you believe to be there; another is an error.")
]


@app.command()
def train_first(
    champion_serves: Annotated[
        bool,
        typer.Option(
            "--champion-serves", help="The champion's release runs: only what is as good succeeds it."
        ),
    ] = False,
    successor: Annotated[
        int | None, typer.Option(help="The version that succeeds it, whatever the gate says.")
    ] = None,
) -> None:
    """Train a first champion on the days before the stack's clock, where there is none yet.

    Where one of another feature contract is, choose or train what succeeds it: see `succeed`.
    """
    from flows.first_champion import train_first as work

    work(settings(), say, champion_serves=champion_serves, chosen=successor)


@app.command()
def succeed(who: Who) -> None:
    """Make the version that succeeds a champion of another feature contract champion; nothing where none waits.

    The last step of a release with other features, once none of the release before it serves any more.
    """

    def work(database: Database) -> None:
        registry = ModelRegistry.from_settings(settings(), patience=START_PATIENCE_SECONDS)
        row = Championship(registry, Deployments(database)).succeed(who)
        if row:
            say(f"version {row.to_version} is champion")

    with_database(settings(), work)


@app.command()
def train(
    rebuild: Annotated[
        str, typer.Option(metavar="RUN_ID", help="Repeat this MLflow run and compare; registers nothing.")
    ] = "",
) -> None:
    """Train on January to August 2013 and test on the rest, without a stack; or repeat a run of the stack.

    A rebuild ends with status 1 when the training set or the model is not the recorded one.
    """
    if rebuild:
        from flows.rebuild import rebuild_run

        raise typer.Exit(0 if rebuild_run(settings(), rebuild, say) else 1)
    from experiments.evaluation import command as evaluation

    evaluation.train(settings(), say)


@app.command()
def retrain(reason: Annotated[str, typer.Option(help="Why; goes on record.")] = "asked for by hand") -> None:
    """Train a candidate and check it by the promotion gate; it becomes challenger if it passes."""
    address, auth = settings().prefect_address, settings().prefect_auth
    # Whoever waits at a terminal hears soon that nothing runs; what runs may be away for longer.
    run = PrefectClient(address, auth, patience=SECONDS_TO_ASK).start("retrain", {"reason": reason})
    say(f"flow retrain runs as {run.name}: {settings().prefect_pages}/runs/flow-run/{run.run_id}")
    PrefectClient(address, auth).wait(run)
    say("flow retrain finished")


@app.command()
def validate_model(
    version: Annotated[int, typer.Argument(min=1, help="The candidate.")],
    step: Annotated[
        Literal["gate", "smoke", "promote", "all"],
        typer.Option(help="One step, or all of them in this order."),
    ] = "all",
    pipeline: Annotated[str, typer.Option(help="Of CI; goes into the ledger.")] = "",
    commit: Annotated[str, typer.Option(help="Of the code that validated it; goes into the ledger.")] = "",
) -> None:
    """Check a version's signature, contract and gate, try it in a throw-away API, and only then promote it."""
    from flows import validate as validation

    if step in ("gate", "all"):
        validation.check_version(settings(), version, say)
    if step in ("smoke", "all"):
        validation.try_version(version, say)
    if step in ("promote", "all"):
        validation.promote_version(settings(), version, pipeline, commit, say)


@app.command()
def promote(
    version: Annotated[int, typer.Argument(min=1, help="The version to promote.")],
    who: Who,
    reason: Annotated[str, typer.Option(help="Why; goes into the ledger.")] = "promoted by hand",
    expected_version: Expected = None,
) -> None:
    """Make a version champion at once; the API follows within two seconds."""
    expected = ANY if expected_version is None else expected_version
    evidence = _evidence("promote")
    _change_champion(lambda championship: championship.promote(version, expected, who, reason, evidence))


@app.command()
def rollback(
    who: Who,
    reason: Annotated[str, typer.Option(help="Why; goes into the ledger.")] = "rolled back by hand",
    to_version: Annotated[
        int | None, typer.Option(min=1, help="An earlier version; by default the last champion.")
    ] = None,
    expected_version: Expected = None,
) -> None:
    """Make the last champion, or an earlier one, champion again at once; the API follows within two seconds."""
    expected = ANY if expected_version is None else expected_version
    evidence = _evidence("rollback")
    _change_champion(lambda championship: championship.rollback(who, reason, to_version, expected, evidence))


@app.command()
def rotate_signing_key() -> None:
    """Sign models with another key from now on; those of the one before still load."""
    say(replace_signing_secret(settings().signing_key_file, settings().public_keys_file))


@app.command()
def sign_again(
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long MLflow may be silent.")
    ] = START_PATIENCE_SECONDS,
) -> None:
    """Sign models of an earlier release with today's key; every start does it, and it is safe to repeat."""
    for version, wrong in sign_models_again(settings(), patience).items():
        say(f"version {version}: {wrong or 'signed'}")


def _evidence(command: str) -> dict[str, str]:
    return {"command": f"ontime {command}", "host": platform.node()}


def _change_champion(change: Callable[[Championship], Deployment]) -> None:
    def work(database: Database) -> None:
        championship = Championship(ModelRegistry.from_settings(settings()), Deployments(database))
        try:
            row = change(championship)
        except NotReady as error:
            raise NotReady(f"{error}; ask again once it answers: the workers serve on meanwhile") from error
        before = "none" if row.from_version is None else f"version {row.from_version}"
        say(
            f"version {row.to_version} is champion, {before} before it; row {row.deployment_id} of the ledger"
            + (f"; {row.note}" if row.note else "")
        )

    with_database(settings(), work)
