"""How documents write labels, amounts, numbers, dates and addresses: in one language, all of them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from unicodedata import bidirectional

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.money import format_minor, places
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.documents.credit_labels import CREDIT_LABELS
from invoices.documents.labels import LABELS

# The day stands first in English too, as on the pages.
ENGLISH_DATES = {"medium": "d MMM y", "long": "d MMMM y"}
# Where a letter's address has the postal code behind the city.
POSTAL_CODE_LAST = frozenset("AU CA GB IE IN NZ US".split())
# One Han character has several forms; a name is written in those of its country.
HAN = {"CN": "zh-Hans", "HK": "zh-Hant-HK", "JP": "ja", "KR": "ko", "MO": "zh-Hant-HK", "TW": "zh-Hant"}
# What a payment's method is called in the labels.
METHODS = {
    "bank_transfer": "transfer",
    "wire_transfer": "transfer",
    "check": "check",
    "cash": "cash",
    "ach": "ach",
    "credit_card": "card",
    "other": "another_way",
}
MOST_PLACES = 4
MINUS, LEFT_TO_RIGHT = "\N{MINUS SIGN}", "\N{LEFT-TO-RIGHT MARK}"


class Wording:
    """The words and formats of a locale such as `de_AT`, or those of English when its language has no labels.

    Amounts come as minor units, all other figures as decimals.
    """

    def __init__(self, locale: str) -> None:
        self.locale = locale if Locale.parse(locale).language in LABELS else "en"
        self._babel = Locale.parse(self.locale)
        language = self._babel.language
        self.labels = LABELS[language] | ACCOUNT_LABELS[language] | CREDIT_LABELS[language]
        self.direction = self._babel.text_direction

    @property
    def tag(self) -> str:
        """The language as HTML and PDF name it: `de-AT`."""
        return self.locale.replace("_", "-")

    def amount(self, minor: int, currency: str) -> SafeString:
        """`$39.40`, kept together."""
        text = _real_minus(format_minor(minor, currency, self.locale))
        if self.direction == "rtl":  # the sign stays before the digits
            text = text.replace(MINUS, LEFT_TO_RIGHT + MINUS)
        return format_html('<bdi class="number">{}</bdi>', text)

    def figure(self, minor: int, currency: str) -> SafeString:
        """`39.40`: an amount below a heading that names the currency."""
        decimals = places(currency)
        return self._number(Decimal(minor).scaleb(-decimals), (decimals, decimals))

    def price(self, price: Decimal, currency: str) -> SafeString:
        """`39.40` or `0.0125`: a price of one has more places than its currency if it needs them."""
        return self._number(price, (places(currency), max(places(currency), MOST_PLACES)))

    def quantity(self, value: Decimal) -> SafeString:
        """`1` or `1.5`."""
        return self._number(value, (0, MOST_PLACES))

    def percent(self, rate: Decimal) -> SafeString:
        """`19%` or `7.5%`; the rate is in per cent."""
        return self._written(self._babel.percent_formats[None], rate / 100, (0, MOST_PLACES))

    def day(self, day: date, *, long: bool = False) -> str:
        """`3 Oct 2025`, or `3 October 2025` in a sentence."""
        form = "long" if long else "medium"
        english = self._babel.language == "en"
        return format_date(day, ENGLISH_DATES[form] if english else form, locale=self.locale)

    def sentence(self, label: str, **values: object) -> SafeString:
        """A label with its places filled in; values are escaped like all text."""
        return format_html(self.labels[label], **values)

    def method(self, paid_with: Mapping[str, Any]) -> str:
        """How something was paid: `Card ending 4242`, `Bank transfer`, or what the provider calls itself."""
        if paid_with["method"] == "card":
            last4 = paid_with.get("last4")
            return self.labels["card_ending"].format(last4=last4) if last4 else self.labels["card"]
        if paid_with["method"] in METHODS:
            return self.labels[METHODS[paid_with["method"]]]
        return str(paid_with["label"])

    def address(self, party: Mapping[str, Any], prefix: str = "") -> list[str]:
        """The lines of an address below the name; `prefix` begins the names of the party's fields."""
        street, more, code, city, state, country = (
            " ".join(str(party.get(prefix + name) or "").split())
            for name in ("address_line_1", "address_line_2", "postal_code", "city", "state", "country")
        )
        if country in POSTAL_CODE_LAST:
            place = _joined(" ", _joined(", ", city, state), code)
        else:
            place = _joined(", ", _joined(" ", code, city), state)
        return [line for line in (street, more, place, self._babel.territories.get(country, country)) if line]

    def _number(self, value: Decimal, decimals: tuple[int, int]) -> SafeString:
        return self._written(self._babel.decimal_formats[None], value, decimals)

    def _written(self, pattern: NumberPattern, value: Decimal, decimals: tuple[int, int]) -> SafeString:
        """With at least and at most so many decimal places; left to right in every language."""
        exact = parse_pattern(pattern.pattern)
        exact.frac_prec = decimals
        text = _real_minus(exact.apply(value, self.locale))
        return format_html('<bdi class="number" dir="ltr">{}</bdi>', text)


def _joined(between: str, *parts: str) -> str:
    return between.join(part for part in parts if part)


def _real_minus(text: str) -> str:
    return text.replace("-", MINUS)


def isolated(text: object) -> SafeString:
    """Somebody's text in its own direction, which its first letter decides; nothing for no text."""
    if not text:
        return SafeString()
    letters = (bidirectional(sign) for sign in str(text))
    first = next((kind for kind in letters if kind in ("L", "R", "AL")), "L")
    return format_html('<bdi dir="{}">{}</bdi>', "ltr" if first == "L" else "rtl", text)


def han_form(country: str) -> str:
    """The language whose Han forms a country writes names in, or nothing."""
    return HAN.get(country, "")
