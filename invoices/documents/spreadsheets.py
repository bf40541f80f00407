"""Lists as CSV: UTF-8 with a header, ISO dates, plain numbers in their own columns, and nothing that a
spreadsheet would run as a formula."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

FORMULA_STARTERS = ("=", "+", "-", "@", "\t", "\r", *"＝＋－＠")  # the wide ones count in some languages
ROWS_AT_ONCE = 200


class _Line:
    """A file for `csv.writer` that keeps the last line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The bytes of a CSV, some rows at a time, so that any number of rows needs the same memory. Text that a
    spreadsheet would take for a formula gets an apostrophe in front."""
    line = _Line()
    write: Callable[[Iterable[Any]], Any] = csv.writer(line).writerow
    write(head)
    waiting = [line.text]
    for row in rows:
        write([_cell(value) for value in row])
        waiting.append(line.text)
        if len(waiting) >= ROWS_AT_ONCE:
            yield "".join(waiting).encode()
            waiting = []
    yield "".join(waiting).encode()


def _cell(value: Any) -> Any:
    if type(value) is str:
        return f"'{value}" if value.startswith(FORMULA_STARTERS) else value
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
