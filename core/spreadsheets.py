"""Lists for spreadsheets: CSV (UTF-8 with a header, ISO dates, plain numbers in their own columns) and Excel
with real numbers and days. Nothing in them is run as a formula."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

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
    if isinstance(value, Decimal):
        return f"{value:f}"  # 20, not 2E+1
    return value


LONGEST_CELL = 32_767  # what Excel can hold


def write_xlsx(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write an Excel file, row by row in constant memory. Decimals keep their places; an instant is written
    as the time of day it says, without its zone, which Excel does not have."""
    with Workbook(path, {"constant_memory": True}) as book:
        sheet, formats = book.add_worksheet(), _Formats(book)
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(head):
            sheet.write_string(0, column, title, formats.get("bold"))
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                _write(sheet, number, column, value, formats)


class _Formats:
    """The formats of one book, each made once."""

    def __init__(self, book: Workbook) -> None:
        self.book, self.made = book, {"bold": book.add_format({"bold": True})}

    def get(self, name: str) -> Format:
        if name not in self.made:
            self.made[name] = self.book.add_format({"num_format": name})
        return self.made[name]


def _write(sheet: Worksheet, row: int, column: int, value: Any, formats: _Formats) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Decimal):
        places = max(0, -int(value.as_tuple().exponent))
        shape = "#,##0" + ("." + "0" * places if places else "")
        sheet.write_number(row, column, float(value), formats.get(shape))
    elif isinstance(value, int | float):
        sheet.write_number(row, column, value)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.replace(tzinfo=None), formats.get("yyyy-mm-dd hh:mm:ss"))
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats.get("yyyy-mm-dd"))
    else:
        sheet.write_string(row, column, str(value)[:LONGEST_CELL])
