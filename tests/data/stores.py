"""An event store in memory, for tests of what is appended."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pandas as pd

KEYS = {"flight_events": ["flight_id", "kind"], "weather_events": ["airport", "observed_at"]}


class MemoryStore:
    """An event store that remembers rows by their keys."""

    def __init__(self) -> None:
        self.keys: dict[tuple[object, ...], str] = {}
        self.rows: dict[str, list[pd.DataFrame]] = {name: [] for name in KEYS}
        self.calls: list[int] = []
        self.held = False
        self.dies_after: int | None = None

    @contextmanager
    def loading(self) -> Iterator[None]:
        self.held = True
        yield
        self.held = False

    def append_frame(self, flight_events=None, weather_events=None) -> SimpleNamespace:
        assert self.held, "the refresher must be held back"
        if self.dies_after is not None and len(self.calls) >= self.dies_after:
            raise KeyboardInterrupt
        name = "flight_events" if flight_events is not None else "weather_events"
        frame = flight_events if flight_events is not None else weather_events
        self.calls.append(len(frame))
        new = [key not in self.keys for key in frame[KEYS[name]].itertuples(index=False, name=None)]
        self.keys |= dict.fromkeys(frame[KEYS[name]].itertuples(index=False, name=None), name)
        self.rows[name].append(frame[new])
        accepted = sum(new)
        return SimpleNamespace(accepted=accepted, duplicates=len(frame) - accepted, conflicts=0, differing=())

    def called_off(self, flight_ids) -> set[str]:
        """Give flights that are called off and never reinstated."""
        return self._of("cancelled", flight_ids) | self._of("diverted", flight_ids)

    def arrived(self, flight_ids) -> set[str]:
        return self._of("arrived", flight_ids)

    def _of(self, kind: str, flight_ids) -> set[str]:
        return {
            name for name in flight_ids if (name, kind) in self.keys and (name, "reinstated") not in self.keys
        }

    def frame(self, name: str) -> pd.DataFrame:
        """Everything that was accepted."""
        return pd.concat(self.rows[name], ignore_index=True)
