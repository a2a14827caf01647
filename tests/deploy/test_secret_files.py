import pytest

from deploy.compose import engine, secrets
from deploy.secret_files import OF_THE_STATE, others


@pytest.mark.parametrize(
    ("variable", "line", "folder"),
    [
        (None, "", "var/secrets"),
        ("", "", "var/secrets"),
        (None, "SECRETS_DIR=/srv/x", "/srv/x"),
        ("/srv/y", "SECRETS_DIR=/srv/x", "/srv/y"),
        ("", "SECRETS_DIR=own", "own"),
    ],
)
def test_the_folder_of_the_secrets_is_the_one_that_compose_mounts(
    tmp_path, monkeypatch, variable, line, folder
):
    """From the caller's environment or from `.env`; an empty one is none."""
    monkeypatch.delenv("SECRETS_DIR", raising=False)
    if variable is not None:
        monkeypatch.setenv("SECRETS_DIR", variable)
    (tmp_path / ".env").write_text(f"# a comment\n{line}\n")
    for module in (engine, secrets):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    assert secrets.folder() == tmp_path / folder


def test_compose_names_files_by_the_path_of_the_checkout_whatever_link_the_caller_came_through(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PWD", str(tmp_path / "current"))
    assert engine.environment()["PWD"] == str(engine.ROOT)


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


def test_a_compose_stack_takes_what_a_restored_state_was_made_with_and_keeps_its_servers_passwords(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    secrets.make()
    folder = tmp_path / "secrets"
    own = {file.name: file.read_text() for file in folder.iterdir()}
    secrets.write({name: f"{value} of the backup" for name, value in own.items()})
    [aside] = (path for path in folder.iterdir() if path.is_dir())
    now = {name: (folder / name).read_text() for name in own}
    assert now == own | {name: f"{own[name]} of the backup" for name in OF_THE_STATE}
    assert {file.name: file.read_text() for file in aside.iterdir()} == {
        name: own[name] for name in OF_THE_STATE
    }
    assert aside.stat().st_mode & 0o777 == 0o700
    assert all((folder / name).stat().st_mode & 0o777 == secrets.MODE for name in own)
    secrets.write(now)
    assert [path for path in folder.iterdir() if path.is_dir()] == [aside]


def test_who_is_interrupted_in_giving_other_passwords_goes_on_with_the_same(tmp_path):
    files = [tmp_path / name for name in ("one", "two")]
    for file in files:
        file.write_text("before")
    with pytest.raises(KeyboardInterrupt), others(files) as values:
        raise KeyboardInterrupt
    assert [file.read_text() for file in files] == ["before", "before"]
    with others(files, secrets.MODE) as again:
        assert again == values
        assert len({"before", *again.values()}) == 3
    assert {file: file.read_text() for file in tmp_path.iterdir()} == values
