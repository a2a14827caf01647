import subprocess
import sys

import pytest

from adapters.settings import PROJECT_ROOT
from deploy.backups.sealing import MARK, PASSPHRASE, Private, read_passphrase, seal, unseal
from domain.errors import OntimeError

WORDS = "correct horse battery"


def test_what_is_sealed_opens_with_its_passphrase_and_shows_nothing():
    private = Private({"predict.key": "ontime_predict_abc"}, "ONTIME_LOG_LEVEL=DEBUG\n")
    sealed = seal(private.to_bytes(), WORDS)
    assert b"predict" not in sealed
    assert seal(private.to_bytes(), WORDS) != sealed
    assert Private.from_bytes(unseal(sealed, WORDS)) == private


@pytest.mark.parametrize("at", [0, len(MARK), len(MARK) + 20, -1])
def test_a_changed_byte_or_another_passphrase_opens_nothing(at):
    sealed = bytearray(seal(b"secret", WORDS))
    sealed[at] ^= 1
    changed = bytes(sealed)
    with pytest.raises(OntimeError, match="nothing was touched"):
        unseal(changed, WORDS)


def test_a_passphrase_of_two_lines_is_refused_before_anything_is_sealed_with_half_of_it(tmp_path):
    (tmp_path / PASSPHRASE).write_text(f"{WORDS}\n{WORDS}\n")
    with pytest.raises(OntimeError, match="on one line"):
        read_passphrase(tmp_path)


def test_another_passphrase_opens_nothing():
    with pytest.raises(OntimeError, match="another passphrase"):
        unseal(seal(b"secret", WORDS), WORDS + "!")


def test_a_short_passphrase_is_refused_and_none_is_none(tmp_path):
    assert read_passphrase(tmp_path) is None
    (tmp_path / PASSPHRASE).write_text("short\n")
    with pytest.raises(OntimeError, match="12 characters"):
        read_passphrase(tmp_path)
    (tmp_path / PASSPHRASE).write_text(WORDS + "\n")
    assert read_passphrase(tmp_path) == WORDS


def run(what: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.backups.sealing", what],
        input=content, cwd=PROJECT_ROOT, capture_output=True, check=False,
    )  # fmt: skip


def test_an_image_seals_and_unseals_what_comes_through_a_pipe():
    sealed = run("seal", WORDS.encode() + b"\nsecret\nof two lines").stdout
    assert run("unseal", WORDS.encode() + b"\n" + sealed).stdout == b"secret\nof two lines"
    refused = run("unseal", b"another passphrase\n" + sealed)
    assert refused.returncode == 1
    assert refused.stderr.startswith(b"ontime: the secrets of the backup do not open")
