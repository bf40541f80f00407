"""How pages write amounts, dates and status words.

    {% load wording %}
    {{ minor|money:"USD" }}              <bdi class="money">$39.40</bdi>
    {{ minor|plain_money:"USD" }}        $39.40, for titles, labels and attributes
    {% day value %}                      <time datetime="2025-10-03">3 Oct 2025</time>
    {% day value long=True %}            3 October 2025
    {% moment value %}                   3 October 2025, 14:03 CEST
    {% clock value %}                    14:03
    {% status "overdue" days=12 %}       <span class="tag tag--danger">Overdue 12 days</span>
    {% status "refunded" charged_back=True %}  <span class="tag tag--danger">Charged back</span>

Instants are shown in the organization's time zone.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from core.money import format_minor

register = template.Library()

# One vocabulary everywhere: word and colour. The colour only repeats the word.
STATUS_WORDS = {
    "open": (gettext_lazy("Open"), ""),
    "partly_paid": (gettext_lazy("Partly paid"), ""),
    "paid": (gettext_lazy("Paid"), "success"),
    "credited": (gettext_lazy("Credited"), ""),
    "nothing_to_pay": (gettext_lazy("Nothing to pay"), ""),
    "pending": (gettext_lazy("Payment pending"), "warning"),
    "cancelled": (gettext_lazy("Cancelled"), ""),
    "unpaid": (gettext_lazy("Unpaid"), ""),
    "awaiting_verification": (gettext_lazy("Awaiting verification"), "warning"),
    "processing": (gettext_lazy("Processing"), "warning"),
    "completed": (gettext_lazy("Completed"), "success"),
    "rejected": (gettext_lazy("Rejected"), "danger"),
    "failed": (gettext_lazy("Failed"), "danger"),
    "partly_refunded": (gettext_lazy("Partly refunded"), ""),
    "refunded": (gettext_lazy("Refunded"), ""),
    "partly_charged_back": (gettext_lazy("Partly charged back"), "danger"),
    "charged_back": (gettext_lazy("Charged back"), "danger"),
    "undone": (gettext_lazy("Entered by mistake"), ""),
    "suspended": (gettext_lazy("Suspended"), "danger"),
    "closed": (gettext_lazy("Closed"), ""),
}


# What a payment's status is called when its payer's bank took the money, or some of it.
CHARGED_BACK = {"partly_refunded": "partly_charged_back", "refunded": "charged_back"}


@register.filter
def plain_money(minor: int, currency: str) -> str:
    """`$39.40` as plain text, with a real minus sign."""
    text = format_minor(minor, currency)
    return text.replace("-", "\N{MINUS SIGN}", 1) if minor < 0 else text


@register.filter
def money(minor: int, currency: str) -> SafeString:
    """`$39.40`, kept together, with digits that line up."""
    return format_html('<bdi class="money">{}</bdi>', plain_money(minor, currency))


def _local(context: template.Context, value: date | datetime) -> date | datetime:
    if not isinstance(value, datetime):
        return value
    merchant = context.get("merchant")
    return value.astimezone(ZoneInfo(merchant.time_zone if merchant else "UTC"))


@register.simple_tag(takes_context=True)
def day(context: template.Context, value: date | datetime | None, *, long: bool = False) -> str:
    """A calendar day: `3 Oct 2025` for tables, long `3 October 2025` for sentences."""
    if value is None:
        return ""
    here = _local(context, value)
    iso = here.date().isoformat() if isinstance(here, datetime) else here.isoformat()
    return format_html('<time datetime="{}">{}</time>', iso, date_format(here, "j F Y" if long else "j M Y"))


@register.simple_tag(takes_context=True)
def moment(context: template.Context, value: datetime | None) -> str:
    """A day with its time and zone, for timelines."""
    if value is None:
        return ""
    here = _local(context, value)
    return format_html('<time datetime="{}">{}</time>', here.isoformat(), date_format(here, "j F Y, H:i T"))


@register.simple_tag(takes_context=True)
def clock(context: template.Context, value: datetime) -> str:
    """The time of day, for something that happens right now."""
    here = _local(context, value)
    return format_html('<time datetime="{}">{}</time>', here.isoformat(), date_format(here, "H:i"))


@register.simple_tag
def status(word: str, **details: Any) -> SafeString:
    """The tag of a status: `overdue` takes days=, `on_invoice` number=, `refunded` charged_back=."""
    if word == "overdue":
        text = ngettext("Overdue %(days)d day", "Overdue %(days)d days", details["days"]) % details
        tone = "danger"
    elif word == "on_invoice":
        text, tone = gettext("On invoice %(number)s") % details, "info"
    else:
        word = CHARGED_BACK.get(word, word) if details.get("charged_back") else word
        text, tone = str(STATUS_WORDS[word][0]), STATUS_WORDS[word][1]
    return format_html('<span class="tag{}">{}</span>', f" tag--{tone}" if tone else "", text)
