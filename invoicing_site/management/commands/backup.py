"""`manage.py backup FILE`: a copy of a SQLite database that is in use. PostgreSQL has pg_dump."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection


class Command(BaseCommand):
    help = "Write a consistent copy of the SQLite database to FILE while the site goes on working."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to; it must not exist yet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This is for SQLite. With PostgreSQL use pg_dump: see docs/operating.md")
        if file.exists():
            raise CommandError(f"{file} is there already")
        part = file.with_name(f"{file.name}.part")
        try:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)  # SQLite fills an empty file; nobody else reads it
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(part)])
            with part.open("rb") as written:  # VACUUM INTO does not wait for the disk
                os.fsync(written.fileno())
            part.replace(file)
        except (OSError, DatabaseError) as error:
            raise CommandError(f"Cannot write {file}: {error}") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{file}: {file.stat().st_size:,} bytes")
