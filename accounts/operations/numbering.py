"""Numbers without gaps: allotted in the transaction that uses them, so a rollback gives them back."""

from django.db.models import F

from accounts.models import NumberSeries

SERIES = ("account", "credit_note", "invoice", "receipt")  # every code that numbers are allotted for


def allot_number(code: str, *, year: int) -> int:
    """The next number of a series in a year, from 1. Locks the series until the caller's transaction ends;
    take the account's lock first."""
    series = NumberSeries.objects.filter(code=code, year=year)
    if not series.update(last_number=F("last_number") + 1):
        NumberSeries.objects.bulk_create([NumberSeries(code=code, year=year)], ignore_conflicts=True)
        series.update(last_number=F("last_number") + 1)
    return series.values_list("last_number", flat=True).get()
