"""Amounts: integers and back, conversion, writing, and the days and instants beside them."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from babel.numbers import format_currency
from hypothesis import given, settings
from hypothesis import strategies as st
from moneyed import Money

from core.errors import Invalid
from core.money import (
    convert,
    end_of_day,
    format_minor,
    from_minor,
    iso,
    nearest_minor,
    places,
    symbol,
    to_minor,
)

LOCALES = (
    "en_US en_GB en_IN en_ZA de_DE de_AT de_CH fr_FR fr_CH es_ES es_MX it_IT nl_NL sv_SE nb_NO da_DK fi_FI "
    "pl_PL pt_PT pt_BR cs_CZ hu_HU ro_RO tr_TR ru_RU uk_UA he_IL ar_EG ar_SA fa_IR hi_IN bn_BD ja_JP zh_CN "
    "ko_KR th_TH vi_VN id_ID lv_LV sl_SI hr_HR et_EE lt_LT bg_BG el_GR is_IS ca_ES"
).split()
CURRENCIES = "USD EUR GBP JPY KWD CHF SEK INR ISK UGX HUF TWD CLP BHD AED PLN".split()


@pytest.mark.parametrize(
    ("code", "expected"), [("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4), ("UGX", 0), ("HUF", 2)]
)
def test_places_are_those_of_iso_4217(code, expected):
    assert places(code) == expected


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        (Money("39.40", "USD"), 3940),
        (Money("0.004", "USD"), 0),
        (Money("0.005", "USD"), 1),
        (Money("0.025", "USD"), 3),
        (Money("39.999", "USD"), 4000),
        (Money("0.5", "JPY"), 1),
        (Money("3.9404", "KWD"), 3940),
    ],
)
def test_money_that_moved_is_rounded_half_up(amount, minor):
    assert nearest_minor(amount) == minor


@pytest.mark.parametrize("code", ["XQQ", "usd", "", "US"])
def test_an_unknown_currency_is_refused(code):
    with pytest.raises(Invalid, match=f"Unknown currency {code!r}") as refused:
        places(code)
    assert refused.value.field == "currency"


@pytest.mark.parametrize(
    ("amount", "minor"),
    [
        (Money("39.40", "USD"), 3940),
        (Money("39.4", "USD"), 3940),
        (Money("39.4000", "USD"), 3940),
        (Money("-0.01", "USD"), -1),
        (Money(1182, "JPY"), 1182),
        (Money("3.94", "KWD"), 3940),
        (Money("1E+3", "EUR"), 100_000),
        (Money(0, "EUR"), 0),
    ],
)
def test_an_amount_in_minor_units(amount, minor):
    assert to_minor(amount) == minor


@pytest.mark.parametrize(
    "amount", [Money("39.401", "USD"), Money("0.5", "JPY"), Money("1.0001", "KWD"), Money("-0.001", "EUR")]
)
def test_too_many_places_are_refused_never_rounded(amount):
    text = f"{amount.amount} has more decimal places than {amount.currency.code} allows"
    with pytest.raises(Invalid, match=re.escape(text)) as refused:
        to_minor(amount)
    assert refused.value.field == "amount"


@given(st.integers(-(10**18), 10**18), st.sampled_from(CURRENCIES))
def test_minor_units_and_back(minor, currency):
    assert to_minor(from_minor(minor, currency)) == minor


def test_from_minor_has_the_places_of_the_currency():
    assert from_minor(3940, "USD") == Money("39.40", "USD")
    assert from_minor(3940, "JPY") == Money(3940, "JPY")
    assert str(from_minor(5, "KWD").amount) == "0.005"


@pytest.mark.parametrize(
    ("minor", "currency", "into", "rate", "expected"),
    [
        (1000, "EUR", "USD", "1.1", 1100),
        (5, "EUR", "USD", "1.1", 6),  # 5.5 cents: half up, where bankers would say 6 too
        (15, "EUR", "USD", "0.1", 2),  # 1.5
        (25, "EUR", "USD", "0.1", 3),  # 2.5: half up, not half even
        (24, "EUR", "USD", "0.1", 2),
        (1182, "JPY", "USD", "0.0068", 804),  # 8.0376 dollars
        (804, "USD", "JPY", "147.0588235294", 1182),
        (3940, "KWD", "USD", "3.25", 1281),  # 12.805 dollars
        (1, "USD", "KWD", "0.3", 3),
        (1, "JPY", "USD", "0.0001", 0),
    ],
)
def test_conversion_rounds_once_half_up(minor, currency, into, rate, expected):
    assert convert(minor, currency, into, Decimal(rate)) == expected


@given(st.integers(1, 10**13), st.decimals("0.0001", "99999", places=10))
def test_a_conversion_is_within_half_a_unit(minor, rate):
    exact = Decimal(minor) * rate
    assert abs(convert(minor, "USD", "EUR", rate) - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "expected"),
    [
        (3940, "USD", "en_US", "$39.40"),
        (0, "USD", "en_US", "$0.00"),
        (100_000, "USD", "en_US", "$1,000.00"),
        (-3940, "USD", "en_US", "-$39.40"),
        (1182, "JPY", "en_US", "¥1,182"),
        (3940, "KWD", "en_US", "KWD 3.940"),
        (-3940, "KWD", "en_US", "-KWD 3.940"),
        (3940, "KWD", "en_IN", "KWD 3.940"),
        (1, "KWD", "en_US", "KWD 0.001"),
        (123456789, "USD", "de_DE", "1.234.567,89\xa0$"),
        (-3940, "SEK", "sv_SE", "-39,40\xa0kr"),
        (-3940, "EUR", "nl_NL", "€\xa0-39,40"),
        (123456789, "INR", "en_IN", "₹12,34,567.89"),
        (12345, "RSD", "en_US", "RSD 123.45"),  # what is out of use in cash is still owed
        (12345, "IQD", "en_US", "IQD 12.345"),
    ],
)
def test_an_amount_as_it_is_shown(minor, currency, locale, expected):
    assert format_minor(minor, currency, locale) == expected


@settings(deadline=None)  # a locale is read from disk when it is first used
@given(st.integers(-(10**15), 10**15), st.sampled_from(CURRENCIES), st.sampled_from(LOCALES))
def test_amounts_are_written_as_babel_writes_them_but_for_a_space(minor, currency, locale):
    babel = format_currency(from_minor(minor, currency).amount, currency, locale=locale)
    assert format_minor(minor, currency, locale) == re.sub(r"(?<=[^\W\d_])(?=\d)", " ", babel)


def test_a_symbol():
    assert (symbol("USD"), symbol("EUR"), symbol("KWD"), symbol("USD", "en_CA")) == ("$", "€", "KWD", "US$")


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2025, 10, 3), "UTC", "2025-10-03T23:59:59.999Z"),
        (date(2025, 10, 3), "Europe/Berlin", "2025-10-03T21:59:59.999Z"),
        (date(2025, 12, 31), "Asia/Tokyo", "2025-12-31T14:59:59.999Z"),
        (date(2025, 12, 31), "America/New_York", "2026-01-01T04:59:59.999Z"),
        (date(2025, 10, 25), "Europe/Berlin", "2025-10-25T21:59:59.999Z"),  # the day before winter time
        (date(2025, 10, 26), "Europe/Berlin", "2025-10-26T22:59:59.999Z"),  # a day of 25 hours
        (date(2025, 3, 30), "Europe/Berlin", "2025-03-30T21:59:59.999Z"),  # a day of 23 hours
        (date(2023, 10, 26), "Africa/Cairo", "2023-10-26T21:59:59.999Z"),  # its last hour came twice
        (date(2024, 3, 9), "America/Havana", "2024-03-10T04:59:59.999Z"),  # the next midnight did not exist
        (date(2011, 12, 29), "Pacific/Apia", "2011-12-30T09:59:59.999Z"),  # the next day did not exist
    ],
)
def test_the_last_millisecond_of_a_day(day, zone, expected):
    last = end_of_day(day, zone)
    assert iso(last) == expected
    assert last.date() == day
    assert (last + timedelta(milliseconds=1)).astimezone(UTC).astimezone(last.tzinfo).date() > day


def test_an_instant_on_the_wire():
    assert iso(None) is None
    assert iso(datetime(2025, 9, 3, 5, 21, 7, 596999, tzinfo=UTC)) == "2025-09-03T05:21:07.596Z"
    berlin = timezone(timedelta(hours=2))
    assert iso(datetime(2025, 9, 3, 7, 21, 7, tzinfo=berlin)) == "2025-09-03T05:21:07.000Z"
