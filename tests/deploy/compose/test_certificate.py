"""The certificate that a host makes for itself; over the wire: tests/deploy/compose/test_gateway.py."""

import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.settings import PROJECT_ROOT
from deploy import validity
from deploy.certificate import DAYS, self_signed
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


def put(folder: Path, days_left: float, authority: str = "") -> bytes:
    """Put a certificate and its key there that end in so many days; the host's own, or an authority's."""
    made = datetime.now(UTC) + timedelta(days=days_left - DAYS)
    key, public = self_signed(["localhost"], made)
    if authority:
        public = of_an_authority(authority, made + timedelta(days=DAYS))
    for name, content in ((certificate.KEY, key), (certificate.CERTIFICATE, public)):
        (folder / name).unlink(missing_ok=True)  # who is not root cannot write into what was put before
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o444)
    return public


def of_an_authority(name: str, end: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject, issuer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]) for common in ("localhost", name)
    )
    number = x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), number)
    builder = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("days_left", [20, -1])
def test_the_hosts_own_is_made_again_near_its_end_in_the_files_that_containers_have(
    tmp_path, compose, capsys, days_left
):
    before = put(tmp_path, days_left)
    files = [tmp_path / name for name in (certificate.CERTIFICATE, certificate.KEY)]
    there = [file.stat().st_ino for file in files]
    certificate.make_missing(compose)
    made = x509.load_pem_x509_certificate(files[0].read_bytes())
    assert files[0].read_bytes() != before
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=800)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*files)
    assert [file.stat().st_ino for file in files] == there
    assert "clients have to be given it" in capsys.readouterr().out


@pytest.mark.parametrize("days_left", [31, 800])
def test_one_that_lasts_is_not_spoken_of(tmp_path, compose, capsys, days_left):
    for authority in ("", "an authority"):
        before = put(tmp_path, days_left, authority)
        certificate.make_missing(compose)
        assert (tmp_path / certificate.CERTIFICATE).read_bytes() == before
        assert certificate.ending(compose) == ()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("days_left", "said"), [(20, "ends on"), (-1, "has ended on")])
def test_one_of_an_authority_stays_and_its_end_is_reported(tmp_path, compose, capsys, days_left, said):
    before = put(tmp_path, days_left, "an authority") + of_an_authority("a root", datetime.now(UTC))
    (tmp_path / certificate.CERTIFICATE).chmod(0o644)
    (tmp_path / certificate.CERTIFICATE).write_bytes(before)
    certificate.make_missing(compose)
    assert (tmp_path / certificate.CERTIFICATE).read_bytes() == before
    end = (datetime.now(UTC) + timedelta(days=days_left)).date()
    [reported] = certificate.ending(compose)
    assert f"{tmp_path / certificate.CERTIFICATE} {said} {end}" in reported
    assert capsys.readouterr().out == f"{reported}\n"


def test_an_end_beyond_2049_is_read(tmp_path):
    (tmp_path / "certificate").write_bytes(of_an_authority("a root", datetime(2051, 2, 3, tzinfo=UTC)))
    assert validity.read(tmp_path / "certificate").end == datetime(2051, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize("name", [certificate.CERTIFICATE, certificate.KEY])
def test_one_of_both_alone_is_an_error_that_names_the_other(tmp_path, compose, name):
    (tmp_path / name).write_text("given")
    with pytest.raises(StackError, match="put both there, or none"):
        certificate.make_missing(compose)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_gateway_without_tls_needs_none(tmp_path):
    certificate.make_missing(ThisPython(tmp_path))
    assert list(tmp_path.iterdir()) == []
