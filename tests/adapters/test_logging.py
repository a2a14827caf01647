import json
import logging
from collections.abc import Iterator

import pytest

from adapters.logging import configure_logging


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_log_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "api")
    logging.getLogger("somewhere").info("model swapped", extra={"from_version": 6, "note": "ü\nx"})
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    record = json.loads(line)
    assert record["event"] == "model swapped"
    assert (record["from_version"], record["note"]) == (6, "ü\nx")
    assert (record["level"], record["process"], record["logger"]) == ("info", "api", "somewhere")
    assert record["time"].endswith("+00:00")


def test_an_exception_stays_on_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "api")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger().exception("it failed")
    record = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in record["exception"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", "api")
    logging.getLogger().info("quiet")
    assert capsys.readouterr().err == ""
