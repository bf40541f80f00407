"""What every format comes to: the lines of one bank account, with amounts in minor units."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from core.errors import Invalid
from core.money import parse_amount, places

LARGEST_FILE = 1024 * 1024  # bytes
MOST_LINES = 10_000
FIRST_YEAR, LAST_YEAR = 1990, 2100


@dataclass(frozen=True)
class BankEntry:
    """One booked movement: what came in, or went out (negative), in minor units of `currency`. Names and
    texts are what the bank wrote, cleaned of what cannot be shown."""

    day: date
    amount: int
    currency: str
    reference: str = ""
    payer_name: str = ""
    payer_account: str = ""
    bank_reference: str = ""


@dataclass(frozen=True)
class ReadStatement:
    """What a file says of one bank account."""

    format: str
    bank_account: str
    entries: Sequence[BankEntry]

    @property
    def first(self) -> date:
        return min(entry.day for entry in self.entries)

    @property
    def last(self) -> date:
        return max(entry.day for entry in self.entries)

    def keys(self) -> list[str]:
        """Names for the entries that are the same in each file that has them: entries that do not differ are
        counted, so that two equal payments of one day are two, and the same one in two files is one."""
        seen: Counter[tuple[str, ...]] = Counter()
        found = []
        for entry in self.entries:
            facts = (
                self.bank_account,
                entry.day.isoformat(),
                str(entry.amount),
                entry.currency,
                entry.bank_reference,
                entry.reference,
                entry.payer_name,
                entry.payer_account,
            )
            seen[facts] += 1
            told = "\x1f".join((*facts, str(seen[facts])))
            found.append(hashlib.sha256(told.encode()).hexdigest())
        return found


@dataclass(frozen=True)
class Columns:
    """How to read a table of a bank: which heading stands over what, and how dates and amounts are written.
    `currency` is that of all lines where no column has it."""

    date: str
    amount: str
    bank_account: str
    delimiter: str = ";"
    encoding: str = "utf-8"
    date_format: str = "%Y-%m-%d"
    decimal_mark: str = "."
    currency: str = ""
    currency_column: str = ""
    reference: str = ""
    payer_name: str = ""
    payer_account: str = ""


class Unreadable(Invalid):
    """The file cannot be read, with what is wrong with it and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="file")


def cleaned(text: str | None, most: int) -> str:
    """One line without control characters, of at most so many characters."""
    shown = "".join(one if one.isprintable() else " " for one in text or "")
    return " ".join(shown.split())[:most]


def minor(text: str, currency: str, *, where: str) -> int:
    """Minor units of an amount that is written with a point. Refuses an unknown currency, too many places,
    and more digits than there is money."""
    try:
        places(currency)
        return parse_amount(text, currency)
    except Invalid as refusal:
        raise Unreadable(f"{where}: {refusal.message} ({cleaned(text, 40)!r})") from None


def checked(kind: str, bank_account: str, entries: Iterable[BankEntry]) -> ReadStatement:
    """The statement, when it is one: of a named account, with lines of days that can be, and not too many."""
    found = tuple(entry for entry in entries if entry.amount)
    account = "".join(bank_account.split()).upper()[:64]
    if not account:
        raise Unreadable("The file does not say of which bank account it is")
    if not found:
        raise Unreadable("The file has no booked lines")
    if len(found) > MOST_LINES:
        raise Unreadable(f"The file has more than {MOST_LINES:,} lines: export a shorter time")
    for entry in found:
        if not FIRST_YEAR <= entry.day.year <= LAST_YEAR:
            raise Unreadable(f"The date {entry.day.isoformat()} cannot be right")
    return ReadStatement(kind, account, found)
