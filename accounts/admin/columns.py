"""What stands in the columns and fields of the back office: amounts, tags, links."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from moneyed import Money

from accounts.templatetags.wording import money
from core.money import places

Column = Callable[[Any, Any], Any]


def _described(column: Column, description: str, ordering: str) -> Column:
    return admin.display(description=description, ordering=ordering or None)(column)


def money_column(
    amount: str | Callable[[Any], int | None], description: str, *, currency: str = "currency"
) -> Column:
    """An amount in minor units with its currency; named `…_money`, it is aligned by the stylesheet. `amount`
    is a field, by which the list can be sorted, or a question to the row; `currency` may be a path. A file
    gets both apart, as `column.apart(row)` answers them."""

    def apart(row: Any) -> tuple[int | None, str | None]:
        return amount(row) if callable(amount) else getattr(row, amount), follow(row, currency)

    def column(_admin: Any, row: Any) -> SafeString | None:
        minor, code = apart(row)
        return None if minor is None else money(minor, code or "")

    column.apart = apart  # type: ignore[attr-defined]
    return _described(column, description, "" if callable(amount) else amount)


def link_column(path: str, description: str, *, text: str = "", ordering: str = "") -> Column:
    """A link to the row at the end of a path of foreign keys, `session__collection`. `text` names the field
    to call it by, where its name is too long for a list."""

    def column(_admin: Any, row: Any) -> SafeString | str | None:
        there = follow(row, path)
        return link_to(there, getattr(there, text) if there is not None and text else "")

    return _described(column, description, ordering)


def account_column(path: str = "account") -> Column:
    """The company, linked to its account."""
    return link_column(path, "Account", text="company_name", ordering=f"{path}__company_name")


def number_column(name: str, description: str, *, unit: str = "") -> Column:
    """A decimal without the noughts at its end."""
    return _described(lambda _admin, row: f"{getattr(row, name).normalize():f}{unit}", description, name)


def price_column(name: str, description: str) -> Column:
    """A unit price, whole: it may have more decimals than amounts of its currency."""
    return _described(lambda _admin, row: price(getattr(row, name), grouped=","), description, name)


def price(price: Money, *, grouped: str = "") -> str:
    """With the decimals that it has, at least those of its currency."""
    digits = max(places(price.currency.code), -int(price.amount.normalize().as_tuple().exponent))
    return f"{price.amount:{grouped}.{digits}f}"


def value_column(name: str, description: str) -> Column:
    """A field under a shorter heading."""
    return _described(lambda _admin, row: getattr(row, name), description, name)


def tag(text: str, tone: str = "") -> SafeString:
    """A status in a word; the colour (success, warning, danger, info) only repeats it."""
    return format_html('<span class="tag{}">{}</span>', f" tag--{tone}" if tone else "", text)


def side_by_side(parts: list[SafeString]) -> SafeString:
    return format_html_join(" ", "{}", ((part,) for part in parts))


def follow(row: Any, path: str) -> Any:
    """What stands at the end of a path; None when a part is missing."""
    for part in path.split("__"):
        row = None if row is None else getattr(row, part)
    return row


def link_to(row: models.Model | None, text: str = "") -> SafeString | str | None:
    """The row's name as a link to its page."""
    if row is None:
        return None
    return link_to_page(row._meta.label_lower, row.pk, text or str(row))


def link_to_page(kind: str, pk: int, text: str) -> SafeString | str:
    """A link to the page of a row known by kind (`payments.payment`) and id; plain text when it has none."""
    try:
        page = reverse(f"admin:{kind.replace('.', '_')}_change", args=[pk])
    except NoReverseMatch:
        return text
    return format_html('<a href="{}">{}</a>', page, text)


def link_to_list(kind: str, text: str, **where: Any) -> SafeString:
    """A link to the rows of a kind that fit."""
    page = reverse(f"admin:{kind.replace('.', '_')}_changelist", query=where)
    return format_html('<a href="{}">{}</a>', page, text)
