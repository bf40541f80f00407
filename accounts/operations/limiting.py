"""Limits on what may be tried how often: settings.LIMITS, counted in fixed windows of time.

Counts stand in a table, or in the cache where that is Redis: every server process sees the same.
"""

import hashlib
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from accounts.models import AttemptCount, Customer
from core.errors import RateLimited

COUNT = """
    INSERT INTO accounts_attemptcount (kind, source, until, tries) VALUES (%s, %s, %s, 1)
    ON CONFLICT (kind, source, until) DO UPDATE SET tries = accounts_attemptcount.tries + 1
    RETURNING tries
"""  # one statement: of two callers at once, each is counted


def count_payment_attempt(*, customer: Customer, account_id: int, at: datetime) -> None:
    """Count one attempt to pay. Refuses who tried too often for this account, or from this address: cards are
    tried out like that."""
    over = max(
        count_attempt("payments_per_account", str(account_id), at=at),
        count_attempt("payments_per_address", customer.address, at=at),
    )
    if over:
        raise too_many("Too many payment attempts. Nothing was charged.", over)


def count_attempt(kind: str, source: str, *, at: datetime) -> int:
    """Count one attempt. Answers 0 while it is within its limit, else in how many seconds a new window begins.
    What has no limit or no source is not counted."""
    limit = settings.LIMITS.get(kind)
    if limit is None or not source:
        return 0
    most, seconds = limit
    until = _end_of_window(at, seconds)
    if _counted(kind, _hashed(source), until, seconds) <= most:
        return 0
    return _wait(at, until)


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


def _counted(kind: str, source: str, until: int, seconds: int) -> int:
    if settings.COUNT_IN_CACHE:
        cache.add(_key(kind, source, until), 0, seconds)
        return cache.incr(_key(kind, source, until))
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [kind, source, until])
        (tries,) = cursor.fetchone()
    if tries == 1:  # once in each window, so that the table stays small
        AttemptCount.objects.filter(kind=kind, until__lt=until - seconds).delete()
    return tries


def _tries(kind: str, source: str, until: int) -> int:
    if settings.COUNT_IN_CACHE:
        return cache.get(_key(kind, source, until), 0)
    rows = AttemptCount.objects.filter(kind=kind, source=source, until=until)
    return rows.values_list("tries", flat=True).first() or 0


def _key(kind: str, source: str, until: int) -> str:
    return f"attempts:{kind}:{source}:{until}"
