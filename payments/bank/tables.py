"""A bank's own table as CSV, read by a mapping of its columns."""

import csv
import io
import re
from datetime import datetime

from payments.bank.base import (
    MOST_LINES,
    BankEntry,
    Columns,
    ReadStatement,
    Unreadable,
    checked,
    cleaned,
    minor,
)

FORMAT = "csv"


def read_table(content: bytes, columns: Columns) -> ReadStatement:
    """The lines under a row of headings. Refuses a table without the headings that the mapping names, and
    names the line of what cannot be read."""
    try:
        text = content.decode(columns.encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError):
        raise Unreadable(f"The file is not written in {columns.encoding}") from None
    if "\0" in text:
        raise Unreadable("The file is not a text")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=columns.delimiter, strict=True)
    entries: list[BankEntry] = []
    try:
        _require_headings([(one or "").strip() for one in rows.fieldnames or ()], columns)
        rows.fieldnames = [(one or "").strip() for one in rows.fieldnames or ()]
        for row in rows:
            if len(entries) >= MOST_LINES:
                raise Unreadable(f"The file has more than {MOST_LINES:,} lines: export a shorter time")
            if any(isinstance(value, str) and value.strip() for value in row.values()):
                entries.append(_entry(row, columns, where=f"Line {rows.line_num}"))
    except csv.Error as error:
        raise Unreadable(f"Line {rows.line_num} is not as a table has it ({error})") from None
    return checked(FORMAT, columns.bank_account, entries)


def _require_headings(there: list[str], columns: Columns) -> None:
    wanted = (
        columns.date,
        columns.amount,
        columns.currency_column,
        columns.reference,
        columns.payer_name,
        columns.payer_account,
    )
    missing = [name for name in wanted if name and name not in there]
    if missing:
        raise Unreadable(f"The file has no column {missing[0]!r}: choose another mapping")
    twice = [name for name in wanted if name and there.count(name) > 1]
    if twice:
        raise Unreadable(f"The file has two columns {twice[0]!r}: which one is meant cannot be told")


def _entry(row: dict[str, str | None], columns: Columns, *, where: str) -> BankEntry:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip() if name else ""

    currency = cell(columns.currency_column).upper() or columns.currency
    try:
        day = datetime.strptime(cell(columns.date), columns.date_format).date()  # noqa: DTZ007 a day
    except ValueError:
        raise Unreadable(f"{where}: {cleaned(cell(columns.date), 20)!r} is not a date") from None
    return BankEntry(
        day=day,
        amount=minor(_plain(cell(columns.amount), columns.decimal_mark, where), currency, where=where),
        currency=currency,
        reference=cleaned(cell(columns.reference), 500),
        payer_name=cleaned(cell(columns.payer_name), 200),
        payer_account=cleaned(cell(columns.payer_account), 64),
    )


def _plain(text: str, mark: str, where: str) -> str:
    """`-1.234,50` as `-1234.50`: the mapping says which mark stands before the decimals; the other one, and
    spaces, stand between thousands, in threes. Refuses what is written otherwise."""
    group = "," if mark == "." else "."
    number = re.sub(r"[\s\u00a0\u202f']", "", text).replace("\N{MINUS SIGN}", "-")
    shape = rf"[+-]?(\d+|\d{{1,3}}(?:{re.escape(group)}\d{{3}})+)(?:{re.escape(mark)}\d+)?"
    if not re.fullmatch(shape, number, re.ASCII):
        raise Unreadable(f"{where}: {cleaned(text, 40)!r} is not an amount")
    return number.replace(group, "").replace(mark, ".")
