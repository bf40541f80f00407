"""The columns of a list as plain cells of a file: what a reader sees, without its markup. An amount becomes a
number and a currency."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Field, Model
from django.utils import timezone
from django.utils.html import strip_tags

from core.money import exact

AT_ONCE = 200
BREAK = re.compile(r"<br\s*/?>|</li>|</span>\s*(?=<span)")
Apart = Callable[[Any], tuple[int | None, str | None]]


def head_of(admin: Any, names: Sequence[str]) -> list[str]:
    """The titles of a list's columns; an amount has two."""
    titles = []
    for name in names:
        title = str(label_for_field(name, admin.model, admin)).capitalize()
        titles += [title, f"{title}, currency"] if _apart(admin, name) else [title]
    return titles


def cells_of(admin: Any, names: Sequence[str], rows: Iterable[Model], zone: ZoneInfo) -> Iterator[list[Any]]:
    """The cells of each row, instants where the organization is. Computed some rows at a time, so that a file
    can be sent while they are read and no other page is drawn in that zone meanwhile."""
    waiting: list[Model] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == AT_ONCE:
            yield from _cells(admin, names, waiting, zone)
            waiting = []
    yield from _cells(admin, names, waiting, zone)


def _cells(admin: Any, names: Sequence[str], rows: list[Model], zone: ZoneInfo) -> list[list[Any]]:
    with timezone.override(zone):
        return [[cell for name in names for cell in _of_column(admin, name, row, zone)] for row in rows]


def _apart(admin: Any, name: str) -> Apart | None:
    return getattr(getattr(admin, name, None), "apart", None)


def _of_column(admin: Any, name: str, row: Model, zone: ZoneInfo) -> list[Any]:
    apart = _apart(admin, name)
    if apart is not None:
        minor, currency = apart(row)
        if minor is None or not currency:
            return [None, currency]
        return [exact(minor, currency), currency]
    try:
        field, _, value = lookup_field(name, row, admin)
    except ObjectDoesNotExist:
        return [None]
    return [_plain(field, value, row, zone)]


def _plain(field: Field | None, value: Any, row: Model, zone: ZoneInfo) -> Any:
    if field is not None and getattr(field, "flatchoices", None):
        return str(getattr(row, f"get_{field.name}_display")())
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if value is None or isinstance(value, bool | int | float | Decimal) or hasattr(value, "isoformat"):
        return value
    text = str(value)
    if hasattr(value, "__html__"):
        text = " ".join(unescape(strip_tags(BREAK.sub("; ", text))).split()).rstrip("; ")
    return "" if text == "–" else text
