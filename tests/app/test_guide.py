"""The API guide against a small world whose clock stands where the demo's does; tests/e2e runs it on a whole stack."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from adapters.label_store import LabelStore
from adapters.prediction_lines import to_copy_line
from adapters.prediction_log import PredictionLog
from replay.guide import GUIDE, agrees, examples, run
from tests.app.worlds import Api
from tests.builders import DAY, NOON, flight_id, prediction


@pytest.fixture
def address(own_api: Api) -> Iterator[str]:
    """The API behind a real server."""
    server = make_server("127.0.0.1", 0, own_api.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("curl")
def test_every_example_of_the_guide_runs_and_answers_as_it_shows(
    own_api: Api, address: str, tmp_path: Path
) -> None:
    for scope, key in own_api.keys.items():
        (tmp_path / f"{scope}.key").write_text(key)
    before = NOON - 8 * DAY
    PredictionLog(own_api.database).ship(
        "before", 0, to_copy_line(prediction(as_of=before, flight_id=flight_id(7, before)))
    )
    LabelStore(own_api.database).append(flight_id(7, before), 21, before + DAY / 2, "test")
    text = GUIDE.read_text()
    outputs = run(text, {"http://127.0.0.1:8010": address, "var/demo/secrets": str(tmp_path)})
    for example, output in zip(examples(text), outputs, strict=True):
        assert bool(output.strip()) == (example.shown is not None), example.code
        if example.shown is not None:
            assert agrees(example.shown, json.loads(output)), (example.code, output)
