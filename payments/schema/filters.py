"""What the arguments of the company's lists mean. Each wrong value is refused by its argument's name."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Organization
from accounts.querysets import parse_id
from core.errors import Invalid
from core.money import end_of_day
from invoices.querysets import InvoiceFilter
from payments.types.company import INVOICE, seconds, store_hash

MOST_IDS = 1000
LONGEST_TEXT = 255
UNWRITABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of characters
ORDERS = {
    "invoiceNumber": ("year", "sequence", "number", "pk"),
    "orderNumber": ("order_numbers", "pk"),
    "createdAt": ("created_at", "pk"),
    "dueDate": ("due_date", "pk"),
    "originalBalanceAmount": ("total_amount", "pk"),
    "openBalanceAmount": ("open_amount", "pk"),
    "status": ("standing", "pk"),
}
DEFAULT_ORDER = "-invoiceNumber"
NOTHING = (0,)  # no row has this id
EARLIEST, LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2, 9999))


def invoice_filter(**asked: Any) -> InvoiceFilter:
    """The filter that the arguments of `invoices` describe, or those of an export."""
    zone = Organization.objects.values_list("time_zone", flat=True).get()
    ids = _ids(asked.get("id_in"))
    if (asked.get("type") or INVOICE).casefold() != INVOICE.casefold():
        ids = NOTHING
    if asked.get("store_hash") not in (None, "", store_hash()):
        ids = NOTHING
    due_from, due_until = _instant(asked, "begin_due_date_at"), _instant(asked, "end_due_date_at")
    return InvoiceFilter(
        search=text_of(asked.get("search"), field="search"),
        number=text_of(asked.get("invoice_number"), field="invoiceNumber"),
        order_number=text_of(asked.get("order_number"), field="orderNumber"),
        purchase_order_number=text_of(asked.get("purchase_order_number"), field="purchaseOrderNumber"),
        external_id=text_of(asked.get("external_id"), field="externalId"),
        external_customer_id=text_of(asked.get("external_customer_id"), field="externalCustomerId"),
        standings=tuple(_standings(asked.get("status") or ())),
        ids=ids,
        account_ids=companies_of(asked.get("company_ids")),
        created_from=_instant(asked, "begin_date_at"),
        created_until=_instant(asked, "end_date_at", until=True),
        due_from=_due_day(due_from, zone) if due_from else None,
        due_until=_last_due_day(due_until, zone) if due_until else None,
    )


def order_of(text: str | None, *, field: str = "orderBy") -> tuple[str, ...]:
    """The columns that an `orderBy` means; `-` in front turns all of them around."""
    asked = text or DEFAULT_ORDER
    columns = ORDERS.get(asked.removeprefix("-"))
    if columns is None:
        known = ", ".join(ORDERS)
        raise Invalid(f"{field} must be one of {known}, with or without a minus in front", field=field)
    return tuple(f"-{column}" for column in columns) if asked.startswith("-") else columns


def snake_order_of(text: str | None) -> tuple[str, ...]:
    """The same for an export, which writes the names with underscores: `-invoice_number`."""
    minus = "-" if (text or "").startswith("-") else ""
    first, *others = (text or "").removeprefix("-").split("_")
    return order_of(text and minus + first + "".join(word.capitalize() for word in others))


def companies_of(ids: Iterable[int | None] | None) -> tuple[int, ...]:
    """The companies that are asked for; none, all that the caller may see."""
    given = tuple(ids or ())
    if len(given) > MOST_IDS or None in given:
        raise Invalid(f"companyIds must be up to {MOST_IDS} ids", field="companyIds")
    return tuple(one for one in given if one is not None)


def text_of(text: str | None, *, field: str) -> str:
    """What is looked for. Refuses what is longer than anything that a row holds."""
    text = writable(text, field=field)
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"{field} must have at most {LONGEST_TEXT} characters", field=field)
    return text


def writable(text: str | None, *, field: str) -> str:
    """A text without the blanks around it. Refuses characters that no database takes."""
    text = (text or "").strip()
    if UNWRITABLE.search(text):
        raise Invalid(f"{field} holds a character that nobody can write", field=field)
    return text


def day_of(text: date | None, zone: str, *, field: str, following: bool = False) -> datetime | None:
    """The first moment of a calendar day where the organization is, or of the day after it."""
    if text is None:
        return None
    try:
        day = text + timedelta(days=following)
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        raise Invalid("Write a day of this age", field=field) from None


def _name(argument: str) -> str:
    first, *others = argument.split("_")
    return first + "".join(word.capitalize() for word in others)


def _instant(asked: dict[str, Any], name: str, *, until: bool = False) -> datetime | None:
    """A Unix time in seconds; as an end it covers its second. Compared before it is made a whole number: a
    few characters with an exponent would become one of a million digits."""
    value = asked.get(name)
    if value is None:
        return None
    try:
        if not EARLIEST <= (exact := Decimal(value)) <= LATEST:
            raise ValueError
    except (ArithmeticError, ValueError):
        raise Invalid(f"{_name(name)} must be a Unix time in seconds", field=_name(name)) from None
    moment = datetime.fromtimestamp(int(exact), UTC)
    return moment + timedelta(microseconds=999_999) if until else moment


def _due_day(moment: datetime, zone: str) -> date:
    """The first day that ends at this moment or later: a due date is the end of its day."""
    return moment.astimezone(ZoneInfo(zone)).date()


def _last_due_day(moment: datetime, zone: str) -> date:
    """The last day that has ended by this moment, to the second."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return day if moment.timestamp() >= seconds(end_of_day(day, zone)) else day - timedelta(days=1)


def _standings(words: Iterable[str | int | None]) -> Iterable[int]:
    for word in words:
        if str(word) not in ("0", "1", "2"):
            raise Invalid("status must be 0 (open), 1 (partly paid) or 2 (paid)", field="status")
        yield int(str(word))


def _ids(text: str | None) -> tuple[int, ...] | None:
    if text is None or not text.strip():
        return None
    words = [word.strip() for word in text.split(",")]
    if len(words) > MOST_IDS or not all(word.isascii() and word.isdigit() for word in words):
        raise Invalid(f"idIn must be up to {MOST_IDS} ids separated by commas", field="idIn")
    return tuple(filter(None, map(parse_id, words))) or NOTHING
