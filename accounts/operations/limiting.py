"""Limits on what may be tried how often: settings.LIMITS, counted in fixed windows of time.

Counts stand in a table, or in the cache where that is Redis: every server process sees the same.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from accounts.models import AttemptCount, Customer
from core.errors import RateLimited

COUNT = """
    INSERT INTO accounts_attemptcount (kind, source, until, tries) VALUES {rows}
    ON CONFLICT (kind, source, until) DO UPDATE SET tries = accounts_attemptcount.tries + 1
    RETURNING kind, tries
"""  # one statement: of two callers at once, each is counted


class _Window(NamedTuple):
    kind: str
    source: str
    until: int
    most: int
    seconds: int


def count_payment_attempt(*, customer: Customer, account_id: int, at: datetime) -> None:
    """Count one attempt to pay. Refuses who tried too often for this account, or from this address: cards are
    tried out like that."""
    sources = {"payments_per_account": str(account_id), "payments_per_address": customer.address}
    if over := count_attempts(sources, at=at):
        raise too_many("Too many payment attempts. Nothing was charged.", over)


def count_attempts(sources: Mapping[str, str], *, at: datetime) -> int:
    """Count one attempt under each of these limits, by its source. Answers 0 while all of them hold, else in
    how many seconds a new window begins. What has no limit or no source is not counted."""
    limits = {kind: settings.LIMITS.get(kind) for kind, source in sources.items() if source}
    windows = [
        _Window(kind, _hashed(sources[kind]), _end_of_window(at, one[1]), *one)
        for kind, one in limits.items()
        if one
    ]
    tries = _counted(windows) if windows else {}
    return max((_wait(at, one.until) for one in windows if tries[one.kind] > one.most), default=0)


def wait_for(kind: str, source: str, *, at: datetime) -> int:
    """The same without counting: in how many seconds another attempt is within the limit; 0 for now."""
    limit = settings.LIMITS.get(kind)
    if limit is None or not source:
        return 0
    most, seconds = limit
    until = _end_of_window(at, seconds)
    return _wait(at, until) if _tries(kind, _hashed(source), until) >= most else 0


def too_many(what: str, seconds: int) -> RateLimited:
    """The refusal that tells a person when to try again."""
    minutes = ceil(seconds / 60)
    unit = "minute" if minutes == 1 else "minutes"
    return RateLimited(f"{what} Try again in {minutes} {unit}.", retry_after=seconds)


def _end_of_window(at: datetime, seconds: int) -> int:
    return (int(at.timestamp()) // seconds + 1) * seconds


def _wait(at: datetime, until: int) -> int:
    return max(1, until - int(at.timestamp()))


def _hashed(source: str) -> str:
    """IPv6 networks count as one: whoever has one address of a network has them all."""
    try:
        address = ip_address(source)
    except ValueError:
        address = None
    if isinstance(address, IPv6Address):
        source = str(ip_network(f"{address}/64", strict=False))
    return hashlib.sha256(source.encode()).hexdigest()


def _counted(windows: list[_Window]) -> dict[str, int]:
    """The tries in each of these windows, this one included, by kind."""
    if settings.COUNT_IN_CACHE:
        for one in windows:
            cache.add(_key(one.kind, one.source, one.until), 0, one.seconds)
        return {one.kind: cache.incr(_key(one.kind, one.source, one.until)) for one in windows}
    rows = ", ".join(["(%s, %s, %s, 1)"] * len(windows))
    values = [value for one in sorted(windows) for value in (one.kind, one.source, one.until)]
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(rows=rows), values)
        tries = dict(cursor.fetchall())
    for one in windows:
        if tries[one.kind] == 1:  # once in each window, so that the table stays small
            AttemptCount.objects.filter(kind=one.kind, until__lt=one.until - one.seconds).delete()
    return tries


def _tries(kind: str, source: str, until: int) -> int:
    if settings.COUNT_IN_CACHE:
        return cache.get(_key(kind, source, until), 0)
    rows = AttemptCount.objects.filter(kind=kind, source=source, until=until)
    return rows.values_list("tries", flat=True).first() or 0


def _key(kind: str, source: str, until: int) -> str:
    return f"attempts:{kind}:{source}:{until}"
