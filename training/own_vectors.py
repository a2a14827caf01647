"""What a champion says of held-out flights, also where it was fitted on another feature contract than this code's.

This code cannot compute the vectors of another contract. The release that serves such a champion logged them with its
answers, and the model scores whatever vectors its manifest names: so it is compared on its own.
"""

from collections.abc import Callable
from datetime import date

import numpy as np

from domain.errors import ContractMismatch
from domain.flights import Floats, Ints, Strings
from domain.model import FlightModel
from training.split import day_of
from training.training_set import TrainingSet

LoggedVectors = Callable[[date, date, str], tuple[Strings, Floats]]
"""Returns flights of some local days, both ends included, and their vectors of a contract at the headline lead."""


def champion_on(
    rows: TrainingSet, champion: FlightModel, logged: LoggedVectors | None
) -> tuple[Ints, Floats]:
    """Return the rows that a champion can be asked about, and its probabilities of them: all rows of its own contract.

    Parameters
    ----------
    rows : TrainingSet
        At the headline lead: a row a flight.
    logged : callable, optional
        What the release of another contract logged.

    Raises
    ------
    ContractMismatch
        If the champion is of another contract and there is no log.
    """
    contract = champion.manifest.contract_hash
    if contract == rows.contract_hash:
        return np.arange(len(rows)), champion.probability(rows.X)
    if logged is None:
        raise ContractMismatch(f"no vectors of the champion's own contract {contract[:12]} are at hand")
    if not len(rows):
        return np.arange(0), np.empty(0)
    flights, vectors = logged(day_of(int(rows.day.min())), day_of(int(rows.day.max())), contract)
    _, asked, answered = np.intersect1d(rows.flight_id, flights, return_indices=True)
    order = np.argsort(asked)
    return asked[order], champion.probability(vectors[answered[order]]) if len(order) else np.empty(0)
