"""Taking rows out of the site: told in the trail; the worker writes large files, which are kept for a day."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import Export, User
from core.audit import record
from core.errors import Forbidden, Invalid, NotFound
from core.outbox import enqueue
from core.transitions import move

EXPORT = "export.asked"
AT_ONCE = 5_000  # rows that are sent while somebody waits
MOST = 300_000
KEPT = timedelta(days=1)
TELL_EVERY = 1_000  # rows between two notes of how far it is, at most
Counted = Callable[[Iterable[Any]], Iterable[Any]]  # the same rows, counted as they are taken
Write = Callable[[Path, Counted], None]


def begin_export(
    *, kind: str, filters: str, form: str, name: str, rows: int, at: datetime, staff: User, is_sent: bool
) -> Export:
    """Note that somebody takes these rows, and tell it in the audit trail. `is_sent`: the answer holds them;
    else the worker writes a file. Who may view a list may export it, which its page has asked already.
    Refused: anybody who is not staff, an unknown form, and more than 300,000 rows."""
    if not staff.is_staff:
        raise Forbidden
    if form not in Export.Form.values:
        raise Invalid("Choose CSV or Excel", field="form")
    if rows > MOST:
        raise Invalid(f"These are more than {MOST:,} rows. Narrow the list with a filter")
    with transaction.atomic():
        export = Export.objects.create(
            staff=staff,
            kind=kind,
            filters=filters,
            form=form,
            name=name,
            rows=rows,
            rows_done=rows if is_sent else 0,
            status=Export.Status.DONE if is_sent else Export.Status.WAITING,
            created_at=at,
            ended_at=at if is_sent else None,
        )
        told = {"list": kind, "filters": filters, "form": form, "rows": rows}
        record(export, "export.made", at=at, by=staff.actor, after=told)
        if not is_sent:
            enqueue(EXPORT, {"export": export.pk}, at=at)
    return export


def file_of(export: Export) -> Path:
    """Where the file of an export is, or will be."""
    return Path(settings.EXPORTS_DIR) / f"{export.uuid}.{export.form}"


def write_export(*, export: Export, write: Write, at: datetime) -> None:
    """Write the file of an export that waits, telling how far it is, and keep it for a day. It is put in its
    place when it is whole: what is half written is never handed out. Safe to run twice."""
    if export.status != Export.Status.WAITING:
        return
    there = file_of(export)
    there.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = there.with_suffix(".half")
    done, noted = 0, Export.objects.filter(pk=export.pk)
    every = max(1, min(TELL_EVERY, export.rows // 20))

    def counted(rows: Iterable[Any]) -> Iterable[Any]:
        nonlocal done
        for row in rows:
            yield row
            done += 1
            if done % every == 0:
                noted.update(rows_done=done)

    write(half, counted)
    noted.update(rows_done=done, rows=done)
    half.replace(there)
    move(export, Export.Status.DONE, at=at, by=export.staff.actor, ended_at=at, expires_at=at + KEPT)


def fail_export(*, export: Export, at: datetime) -> None:
    """End an export that cannot be written: its reader may not see the list any more."""
    if export.status == Export.Status.WAITING:
        move(export, Export.Status.FAILED, at=at, by=export.staff.actor, ended_at=at)


def own_export(*, uuid: Any, staff: User) -> Export:
    """An export, for the one who asked for it and nobody else."""
    found = Export.objects.filter(uuid=uuid, staff=staff).first()
    if found is None:
        raise NotFound("Export not found")
    return found


def remove_old_exports(*, at: datetime) -> int:
    """Delete the files that were kept for a day; the note of who took what stays."""
    old = Export.objects.filter(expires_at__lte=at)
    gone = 0
    for export in old.iterator():
        file = file_of(export)
        if file.exists():
            file.unlink()
            gone += 1
    return gone
