"""`manage.py backup`: whole or not there at all. On a SQLite file of its own, whatever the suite runs on."""

import sqlite3
from contextlib import closing

import pytest

from tests.operating.databases import manage


@pytest.fixture
def books(tmp_path):
    """The address of a database with a row in it."""
    file = tmp_path / "books.sqlite3"
    with closing(sqlite3.connect(file)) as opened:
        opened.execute("CREATE TABLE told (word TEXT)")
        opened.execute("INSERT INTO told VALUES ('kept')")
        opened.commit()
    return f"sqlite:///{file}"


def refusal(url, file):
    with pytest.raises(AssertionError) as failed:
        manage(url, "backup", str(file))
    return str(failed.value)


def test_a_backup_holds_the_rows_and_only_its_owner_reads_it(books, tmp_path):
    file = tmp_path / "backup"
    assert manage(books, "backup", str(file)) == f"{file}: {file.stat().st_size:,} bytes\n"
    assert file.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.glob("backup*")] == ["backup"]
    with closing(sqlite3.connect(file)) as opened:
        assert opened.execute("SELECT word FROM told").fetchall() == [("kept",)]


def test_a_backup_does_not_overwrite_another(books, tmp_path):
    file = tmp_path / "backup"
    file.write_text("yesterday's")
    assert f"{file} is there already" in refusal(books, file)
    assert file.read_text() == "yesterday's"


def test_a_backup_that_cannot_be_written_is_told(books, tmp_path):
    assert "Cannot write" in refusal(books, tmp_path / "not there" / "backup")
    assert not (tmp_path / "not there").exists()


def test_a_damaged_database_makes_no_backup(books, tmp_path):
    """Not under the name that was asked for: nobody takes it for one."""
    with (tmp_path / "books.sqlite3").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert "CommandError" in refusal(books, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_postgresql_has_a_program_of_its_own(tmp_path):
    told = refusal("postgres://nobody@127.0.0.1:1/nowhere", tmp_path / "backup")
    assert "With PostgreSQL use pg_dump" in told
