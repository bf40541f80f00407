"""Files that are no list, several in one ZIP: each kind says who may have it and what writes it, at once or
by the worker."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from accounts.models import Export
from accounts.operations.exporting import Counted, fail_export, write_export

WriteZip = Callable[[IO[bytes], str, Counted, datetime], None]


@dataclass(frozen=True)
class Zip:
    """A kind of ZIP: who may have it, how many rows are sent while somebody waits, and what writes it:
    `write(file, filters, counted, at)`."""

    permission: str
    at_once: int
    write: WriteZip


ZIPS: dict[str, Zip] = {}


def write_zip(export: Export, *, at: datetime) -> None:
    """The worker's way. Who may not have it any more gets nothing."""
    zipped = ZIPS[export.kind]
    if not export.staff.is_active or not export.staff.has_perm(zipped.permission):
        fail_export(export=export, at=at)
        return

    def write(there: Path, counted: Counted) -> None:
        with there.open("wb") as file:
            zipped.write(file, export.filters, counted, at)

    write_export(export=export, write=write, at=at)
