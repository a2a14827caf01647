"""The option `--site`: another place and year, made of a folder of files, with a state folder of its own."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.settings import Settings, settings
from adapters.terminal import say
from deploy.native import selection
from domain.errors import ConfigurationError, InvalidInput

Files = Annotated[
    Path | None,
    typer.Option("--site", help="Folder of files of another place and year, to run there instead."),
]
FirstDay = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")]

Keep = Annotated[
    bool,
    typer.Option("--keep", help="Put a site's figures on the page of this checkout, not beside its reports."),
]


def enter(files: Path, replay_from: date | None = None) -> Settings:
    """Read a site's files, once, and make this process one of its stack: state in `sites`, the days of its home.

    Parameters
    ----------
    replay_from : date, optional
        First day that a stack replays which has not begun yet; its first champion is fitted on the days before.

    Raises
    ------
    InvalidInput
        If the first day leaves too few to fit a first champion on, or the files are refused: see `make_site`.
    ConfigurationError
        If this process began with the features of other optional events than the site's.
    """
    from data.site_files import make_site, replay_site_from
    from domain.features import optional

    own = settings()
    name = files.resolve().name
    folder = own.state_dir / "sites" / name
    say(f"{name}: state in {folder}")
    site = make_site(name, files, folder / "data", own.inbox_bad_row_share)
    if replay_from and not (folder / "postgres").exists():
        site.require_first_days(replay_from)
        replay_site_from(folder / "data", replay_from)
    announced = ",".join(site.optional_events)
    if site.optional_events != optional.CHOSEN:
        raise ConfigurationError(
            f"{optional.VARIABLE}: expected {announced or 'none'}, as the feed of {name} announces; "
            f"got {','.join(optional.CHOSEN) or 'none'}"
        )
    return selection.enter_beside(folder, site.home, announced)


def day(moment: datetime | None) -> date | None:
    """Return the day that an option names."""
    return moment.date() if moment else None


def refuse_days(*days: datetime | None) -> None:
    """Refuse days without a site, of a command whose days in New York are those of its report.

    Raises
    ------
    InvalidInput
        If there are any.
    """
    for given in filter(None, days):
        raise InvalidInput("from", "no days without --site: those of New York are fixed", str(given))
