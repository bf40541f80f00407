"""What staff may write into master data: refused is what would break a page, an invoice or a mail later."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from django.core.exceptions import ValidationError

LONGEST_TERMS = 3650  # days: ten years
NUMBER_FORMAT = re.compile(r"([^{}]|\{year\}|\{sequence(:0([1-9]|1[0-2])d)?\})+")
NUMBER_WORDS = "Use {year} and {sequence}, like INV-{year}-{sequence:03d}"
LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_([A-Z]{2}|[0-9]{3}))?")
COUNTRY = re.compile(r"[A-Z]{2}")
MOST_BRACKETS = 200  # each is one level at most, so that nothing nests deeper than can be read


class PlainJSON(json.JSONDecoder):
    """JSON that both databases keep: no number that is none, no NUL, no half character, nothing very deep."""

    def decode(self, text: str, *args: Any) -> Any:
        try:
            if text.count("[") + text.count("{") > MOST_BRACKETS:
                raise ValueError("nested too deep")
            value = super().decode(text, *args)
            written = json.dumps(value, allow_nan=False, ensure_ascii=False)
            if "\\u0000" in written.encode().decode():  # encoding refuses halves of characters
                raise ValueError("NUL")
        except ValueError as error:  # also for numbers of thousands of digits
            raise json.JSONDecodeError(str(error), text, 0) from error
        return value


def check_time_zone(value: str) -> None:
    """Refuse a name that is not in the IANA time zone database."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"{value} is not a time zone") from error


def check_locale(value: str) -> None:
    """Refuse what amounts cannot be written in."""
    try:
        known = LOCALE.fullmatch(value) and Locale.parse(value)
    except (ValueError, UnknownLocaleError):
        known = None
    if not known:
        raise ValidationError("Write the locale like en_US or de")


def check_number_format(value: str) -> None:
    """Refuse a format that does not make a different number for each year and sequence. What it makes is no
    longer than itself, so it fits where numbers are kept."""
    if not NUMBER_FORMAT.fullmatch(value):
        raise ValidationError(NUMBER_WORDS)
    made = {value.format(year=year, sequence=n) for year in (2025, 2026) for n in (1, 2)}
    if len(made) != 4:
        raise ValidationError("The format needs both {year} and {sequence}")


def check_one_line(value: str) -> None:
    """Refuse line breaks and other characters that cannot be seen: the name stands in the head of mails."""
    if not value.isprintable():
        raise ValidationError("Write the name in one line")


def checked_countries(value: Any) -> list[str]:
    """The codes of countries; nothing is an empty list."""
    codes = value or []
    if not isinstance(codes, list) or not all(
        isinstance(one, str) and COUNTRY.fullmatch(one) for one in codes
    ):
        raise ValidationError({"countries": 'Write them like ["US", "CA"]: ISO 3166-1 codes of two letters'})
    return codes


def checked_levels(value: Any, known: tuple[str, ...]) -> dict[str, int]:
    """Levels 1 to 3 by the name of a permission; nothing is an empty dictionary."""
    levels = value or {}
    if not isinstance(levels, dict):
        raise ValidationError({"permissions": 'Write it like {"get_invoices": 2}'})
    for name, level in levels.items():
        if name not in known:
            there = ", ".join(known)
            raise ValidationError({"permissions": f"There is no permission “{name}”. There are {there}."})
        if type(level) is not int or level not in (1, 2, 3):
            raise ValidationError({"permissions": f"The level of {name} is 1, 2 or 3"})
    return levels
