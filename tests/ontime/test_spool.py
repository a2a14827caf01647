from tests.documented import documented


def retry(environment: dict[str, str]) -> str:
    return documented(".venv/bin/ontime spool retry").run(environment).stdout


def test_refused_lines_are_given_back_to_the_shipper_and_said(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "api-1.refused").write_text("#columns\tas_of\nx\n")
    environment = {"ONTIME_STATE_DIR": str(tmp_path), "PATH": "/bin:/usr/bin"}
    assert "api-1.refused" in retry(environment)
    [file] = folder.iterdir()
    assert file.suffix == ".spool"
    assert file.read_text() == "#columns\tas_of\nx\n"
    assert "nothing was refused" in retry(environment)
