"""Amounts: integers in minor units on the wire and in the ledger, `moneyed.Money` in Python.

The number of minor units is the currency's own (ISO 4217): JPY 0, USD 2, KWD 3. SQLite adds decimals as
binary floats, integers are exact on both databases; see docs/decisions/0003-integer-amounts.md.
"""

import re
from copy import copy
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.numbers import format_currency, get_currency_name, get_currency_symbol
from moneyed import Money, get_currency

from core.errors import Invalid

DEFAULT_LOCALE = "en_US"
GROUPED = r"[0-9]+|[0-9]{1,3}((,[0-9]{3})+|(\.[0-9]{3})+)"  # digits, perhaps with marks between thousands
LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")


@lru_cache(maxsize=256)
def places(currency: str) -> int:
    """Decimal places of a currency: 0 for JPY, 2 for USD, 3 for KWD. Refuses an unknown code."""
    try:
        sub_unit = get_currency(currency).sub_unit
    except Exception as error:
        raise Invalid(f"Unknown currency {currency!r}", field="currency") from error
    return len(str(sub_unit)) - 1


def to_minor(amount: Money) -> int:
    """Minor units of an amount, exactly. Refuses an amount with more places than its currency has."""
    scaled = amount.amount.scaleb(places(amount.currency.code))
    if scaled != scaled.to_integral_value():
        raise Invalid(
            f"{amount.amount} has more decimal places than {amount.currency.code} allows", field="amount"
        )
    return int(scaled)


def parse_amount(text: str, currency: str) -> int:
    """Minor units of an amount that a program wrote: `349.5000`, with a point before the decimals."""
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?", text.strip()):
        raise Invalid("Enter an amount", field="amount")
    return _exactly(Decimal(text.strip()), currency)


def read_amount(text: str, currency: str) -> int:
    """Minor units of an amount that a person wrote: `39.40`, `39,40`, `1,234.50`. Refused is what has two
    readings, such as `1,234`, and more decimal places than the currency has."""
    signed = text.strip()
    is_negative = signed[:1] in ("-", "\u2212")
    number = signed[1:].lstrip() if is_negative else signed
    if len(number) > 20:
        raise Invalid("Enter an amount", field="amount")
    whole, mark, rest = number, "", ""
    marks = re.findall(r"[.,]", number)
    if marks and (len(set(marks)) == 2 or len(marks) == 1):  # the last one stands before the decimals
        whole, mark, rest = number.rpartition(marks[-1])
    if len(marks) == 1 and len(rest) == 3 and (mark == "," or places(currency) < 3):
        raise Invalid("Write the amount without marks between thousands", field="amount")
    if not re.fullmatch(GROUPED, whole) or (mark and not re.fullmatch(r"[0-9]+", rest)):
        raise Invalid("Enter an amount", field="amount")
    exact = Decimal(f"{re.sub('[.,]', '', whole)}.{rest or 0}")
    return _exactly(-exact if is_negative else exact, currency)


def _exactly(amount: Decimal, currency: str) -> int:
    """Minor units, when the amount has no more decimals than the currency; zeros do not count."""
    if amount != round(amount, places(currency)):
        name = get_currency_name(currency, 2, locale=DEFAULT_LOCALE).split()[-1]  # dollars, yen
        much = f"with at most {places(currency)} decimals" if places(currency) else "without decimals"
        raise Invalid(f"Enter {name} {much}", field="amount")
    return to_minor(Money(amount, currency))


def nearest_minor(amount: Money) -> int:
    """Minor units of an amount that somebody else wrote, rounded half up where it has odd places: money that
    moved is recorded even so."""
    scaled = amount.amount.scaleb(places(amount.currency.code))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_minor(minor: int, currency: str) -> Money:
    """The amount of so many minor units."""
    return Money(Decimal(minor).scaleb(-places(currency)), currency)


def convert(minor: int, currency: str, into: str, rate: Decimal) -> int:
    """Minor units of `into` that `minor` units of `currency` are worth at `rate` (1 unit of `currency` in
    units of `into`), rounded once, half up."""
    value = Decimal(minor).scaleb(places(into) - places(currency)) * rate
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class _Shape(NamedTuple):
    prefix: str
    suffix: str
    group: str
    decimal: str
    places: int


def _written(amount: Decimal, currency: str, locale: str) -> str:
    """Babel's writing with all decimal places of the currency (some that ISO 4217 counts are out of use in
    cash, and Babel would drop them) and a space after an alphabetic symbol."""
    pattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (places(currency), places(currency))
    text = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=False)
    return LETTER_BEFORE_DIGIT.sub(" ", text)


@lru_cache(maxsize=512)
def _shape(currency: str, locale: str, *, negative: bool) -> _Shape | None:
    """How this currency is written in this locale, taken apart once; None when the locale groups its digits
    other than in threes or writes other than ASCII digits."""
    parsed = Locale.parse(locale)
    sample = _written(Decimal("-1234567" if negative else "1234567"), currency, locale)
    symbols = parsed.number_symbols["latn"]
    group, decimal = symbols["group"], symbols["decimal"]
    digits = places(currency)
    number = f"1{group}234{group}567" + (f"{decimal}{'0' * digits}" if digits else "")
    if tuple(parsed.currency_formats["standard"].grouping) != (3, 3) or number not in sample:
        return None
    prefix, _, suffix = sample.partition(number)
    return _Shape(prefix, suffix, group, decimal, digits)


def format_minor(minor: int, currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """`$39.40`, `¥1,182`, `KWD 3.940`: Babel's writing, with a space after an alphabetic symbol."""
    shape = _shape(currency, locale, negative=minor < 0)
    if shape is None:
        return _written(from_minor(minor, currency).amount, currency, locale)
    whole, rest = divmod(abs(minor), 10**shape.places)
    number = f"{whole:,}".replace(",", shape.group) if whole >= 1000 else str(whole)
    if shape.places:
        number = f"{number}{shape.decimal}{rest:0{shape.places}d}"
    return f"{shape.prefix}{number}{shape.suffix}"


def exact(minor: int, currency: str) -> Decimal:
    """Major units as a decimal with the currency's places, for cells of a spreadsheet."""
    return from_minor(minor, currency).amount


def plain_number(minor: int, currency: str) -> str:
    """`-39.40`: major units with the currency's decimals and no marks, for programs and spreadsheets."""
    digits = places(currency)
    if not digits:
        return str(minor)
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}.{rest:0{digits}d}"


@lru_cache(maxsize=256)
def symbol(currency: str, locale: str = DEFAULT_LOCALE) -> str:
    """The currency's sign, `$`, or its code where it has none."""
    return get_currency_symbol(currency, locale=locale)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins in a time zone, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def end_of_day(day: date, zone: str) -> datetime:
    """The last millisecond of a day in a time zone: how a due date is written on the wire.

    Reckoned in UTC: a sum of local times is an hour off where the clock changes at midnight.
    """
    following = midnight(day + timedelta(days=1), ZoneInfo(zone))
    return (following - timedelta(milliseconds=1)).astimezone(ZoneInfo(zone))


def iso(at: datetime | None) -> str | None:
    """An instant as the wire has it: ISO 8601 in UTC with milliseconds and Z."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
