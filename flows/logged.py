"""The vectors that a release logged with its answers, for a gate that cannot compute them."""

from datetime import date

from adapters.prediction_log import PredictionLog
from domain.flights import Floats, Strings
from monitoring.windows import headline
from training.own_vectors import LoggedVectors


def vectors_of(log: PredictionLog) -> LoggedVectors:
    """Return what reads the vectors of a contract from the log, of each flight those nearest to the headline lead."""

    def logged(first: date, last: date, contract: str) -> tuple[Strings, Floats]:
        found = log.fetch(first, last, contract_hash=contract)
        one = found.take(headline(found))
        return one.flight_id, one.features

    return logged
