from deploy.compose import secrets


def test_another_signing_key_is_trusted_beside_the_one_before(tmp_path, monkeypatch):
    """In place, as containers have the files mounted, and without a word to write them."""
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    secrets.make()
    secret, public = tmp_path / "secrets" / secrets.SIGNING_KEY, tmp_path / "secrets" / secrets.PUBLIC_KEYS
    before = (secret.read_text(), public.read_text(), secret.stat().st_ino, public.stat().st_ino)
    secrets.replace_signing_key()
    assert secret.read_text() != before[0]
    assert public.read_text().startswith(before[1])
    assert len(public.read_text().splitlines()) == 2
    assert (secret.stat().st_ino, public.stat().st_ino) == before[2:]
    assert secret.stat().st_mode & 0o777 == public.stat().st_mode & 0o777 == secrets.MODE
    secrets.make()
    assert len(public.read_text().splitlines()) == 2
