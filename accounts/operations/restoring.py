"""After a restore: what was given out between the backup and the accident is not given out again.

The books know nothing of that time, but customers, providers and other programs do: invoices went out under
its numbers, and its ids stand in links, in references of bank transfers and in other programs' tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db import connection, transaction
from django.db.models import AutoField

from accounts.models import NumberSeries, Organization
from accounts.operations.numbering import SERIES
from accounts.operations.rights import required
from core.audit import Actor, AuditEntry, record
from core.errors import Conflict, Invalid

SKIPPED = "numberseries.skipped"  # check 9 takes a gap for explained when this entry tells of it
MOST_SKIPPED = 1_000_000


@dataclass(frozen=True)
class Skipped:
    """Numbers of a series and year that nobody gets any more: `first` to `last`."""

    code: str
    year: int
    first: int
    last: int


def skip_lost_numbers(
    *,
    skip: int,
    reason: str,
    at: datetime,
    by: Actor,
    known: Mapping[tuple[str, int], int] | None = None,
) -> list[Skipped]:
    """Raise every number series by `skip` numbers, or to the last number that is `known` to have been given
    out, with an audited reason; raise the ids of all tables by `skip`. Answers what was left out.

    The years are those from the books' last entry until today: a number has the year of its issue. Refuses a
    missing reason, a `skip` that is not between 1 and a million, a known number that is lower than the
    series is already or belongs to no series of these years, and to do it twice when nothing happened since.
    """
    reason = required(reason)
    if not 1 <= skip <= MOST_SKIPPED:
        raise Invalid(f"Skip between 1 and {MOST_SKIPPED:,} numbers", field="skip")
    with transaction.atomic():
        pairs = _series_since_the_backup(at=at)
        targets = dict(known or {})
        for code, year in targets:
            if (code, year) not in pairs:
                raise Invalid(f"No number of {code} {year} can have been lost", field="known")
        skipped = [
            _raise_series(code, year, skip=skip, last=targets.get((code, year)), reason=reason, at=at, by=by)
            for code, year in pairs
        ]
        _skip_ids(skip)
    return [one for one in skipped if one.last >= one.first]


def _series_since_the_backup(*, at: datetime) -> list[tuple[str, int]]:
    organization, newest = Organization.objects.first(), AuditEntry.objects.order_by("pk").last()
    if organization is None or newest is None:
        raise Conflict("These books are empty: there is nothing to go on from")
    if newest.action == SKIPPED:
        raise Conflict("Numbers were left out already, and nothing has happened since")
    this_year = organization.today(at).year
    since = min(organization.today(newest.at).year, this_year)
    codes = {*SERIES, *NumberSeries.objects.values_list("code", flat=True)}
    return [(code, year) for code in sorted(codes) for year in range(since, this_year + 1)]


def _raise_series(
    code: str, year: int, *, skip: int, last: int | None, reason: str, at: datetime, by: Actor
) -> Skipped:
    NumberSeries.objects.bulk_create([NumberSeries(code=code, year=year)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(code=code, year=year)
    before, after = series.last_number, series.last_number + skip if last is None else last
    if after < before:
        raise Invalid(f"The last number of {code} {year} is {before} already", field="known")
    if after > before:
        NumberSeries.objects.filter(pk=series.pk).update(last_number=after)
        record(
            series,
            SKIPPED,
            at=at,
            by=by,
            before={"last_number": before},
            after={"last_number": after, "code": code, "year": year},
            reason=reason,
        )
    return Skipped(code, year, before + 1, after)


def skipped_in(series: Iterable[NumberSeries]) -> dict[int, list[tuple[int, int]]]:
    """The numbers that were left out of each of these series, by its id: first and last of each time."""
    entries = AuditEntry.objects.filter(
        action=SKIPPED, object_kind="accounts.numberseries", object_id__in=[one.pk for one in series]
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for entry in entries.order_by("pk"):
        span = (entry.before["last_number"] + 1, entry.after["last_number"])
        found.setdefault(entry.object_id, []).append(span)
    return found


def _skip_ids(skip: int) -> None:
    """Raise the next id of every table with automatic ids."""
    keys = [model._meta.pk for model in apps.get_models(include_auto_created=True)]
    automatic = {(key.model._meta.db_table, key.column) for key in keys if isinstance(key, AutoField)}
    with connection.cursor() as cursor:
        for table, column in sorted(automatic):
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT setval(sequence, nextval(sequence) + %s) "
                    "FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS sequence) AS its",
                    [skip, table, column],
                )
            else:
                cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [skip, table])
                if not cursor.rowcount:
                    cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, skip])
