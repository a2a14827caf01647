"""The certificate that a host makes for itself; over the wire: tests/deploy/compose/test_gateway.py."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from adapters.settings import PROJECT_ROOT
from deploy.compose import certificate
from deploy.compose.engine import StackError


class ThisPython:
    """Stands in for an engine: what the worker's image would run, this interpreter runs."""

    def __init__(self, folder: Path, *names: str):
        files = {name: {"file": str(folder / name)} for name in names}
        self._config = {"secrets": files, "services": {"prefect-worker": {"image": "ontime/worker:test"}}}

    def model(self) -> dict:
        return self._config

    def docker(self, *arguments: str) -> str:
        command = arguments[arguments.index("ontime/worker:test") + 1 :]
        done = subprocess.run(
            [sys.executable, *command], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def compose(tmp_path) -> ThisPython:
    return ThisPython(tmp_path, certificate.CERTIFICATE, certificate.KEY)


def test_a_host_without_a_certificate_makes_one_and_says_how_to_know_it(tmp_path, compose, capsys):
    certificate.make_missing(compose)
    public, key = tmp_path / certificate.CERTIFICATE, tmp_path / certificate.KEY
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(public, key)
    made = x509.load_pem_x509_certificate(public.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "gateway"} <= set(names.get_values_for_type(x509.DNSName))
    said = capsys.readouterr().out
    assert "signed by this host alone" in said
    assert made.fingerprint(made.signature_hash_algorithm).hex() in said
    assert "PRIVATE" not in said


def test_a_certificate_that_was_given_or_made_before_stays(tmp_path, compose, capsys):
    for name in (certificate.CERTIFICATE, certificate.KEY):
        (tmp_path / name).write_text("given")
    certificate.make_missing(compose)
    assert (tmp_path / certificate.CERTIFICATE).read_text() == "given"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", [certificate.CERTIFICATE, certificate.KEY])
def test_one_of_both_alone_is_an_error_that_names_the_other(tmp_path, compose, name):
    (tmp_path / name).write_text("given")
    with pytest.raises(StackError, match="put both there, or none"):
        certificate.make_missing(compose)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_gateway_without_tls_needs_none(tmp_path):
    certificate.make_missing(ThisPython(tmp_path))
    assert list(tmp_path.iterdir()) == []
