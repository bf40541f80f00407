"""Days and periods of the organization's calendar."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins where the organization is."""
    return datetime.combine(day, time.min, tzinfo=zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant that does not belong to the day any more."""
    return start_of_day(day + timedelta(days=1), zone)


def first_of(day: date, by: str = "month") -> date:
    """The first day of the month, quarter or year that a day is in."""
    months = MONTHS_OF[by]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def months_back(day: date, count: int) -> date:
    """The first day of the month so many months before the day's own; after it, when negative."""
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def period_of(day: date, by: str) -> tuple[date, date]:
    """The first and the last day of the month, quarter or year that a day is in."""
    first = first_of(day, by)
    return first, months_back(first, -MONTHS_OF[by]) - timedelta(days=1)
