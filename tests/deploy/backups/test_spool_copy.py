from pathlib import Path

from deploy.backups import spool_copy


def test_of_a_spool_on_a_disk_of_its_own_the_files_are_copied(tmp_path: Path) -> None:
    """Such a disk has a folder lost+found."""
    spool = tmp_path / "spool"
    (spool / "lost+found").mkdir(parents=True)
    for name in ("a.spool", "a.refused"):
        (spool / name).write_bytes(b"a line\n")
    spool_copy.copy(spool, tmp_path / "copy")
    copied = {file.name: file.read_bytes() for file in (tmp_path / "copy").iterdir()}
    assert copied == {"a.spool": b"a line\n", "a.refused": b"a line\n"}


def test_of_no_spool_the_copy_is_empty(tmp_path: Path) -> None:
    spool_copy.copy(tmp_path / "spool", tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []
