"""Sixteen writers number invoices over a year's end, and one in ten is undone after it got its number."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from django.db import IntegrityError, OperationalError
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, NumberSeries
from battery.controls import with_slow_writes
from battery.ground import ENDING, Ground, Told
from core.audit import SYSTEM, record
from invoices import operations as invoices
from invoices.models import Invoice
from tests import factories

WRITERS = 16
UNDONE_SHARE = 0.1
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


class Undone(Exception):
    """Taken back on purpose."""


def attack(ground: Ground, rounds: range) -> Told:
    """So many invoices of each writer, half of them on either side of midnight."""
    made = [_writer(ground, place, rounds) for place in range(WRITERS)]
    told = Told(figures={"undone": 0})
    for answer in ground.at_once(*made):
        if isinstance(answer, Exception):
            told.violations.append(f"raised {answer!r}")
            continue
        told.runs += len(answer)
        told.figures["undone"] += answer.count("undone")
        told.violations += [text for text in answer if text not in ("", "undone")]
    told.violations += _gaps_and_twins(told.runs - told.figures["undone"])
    told.violations += ground.unsound()
    return told


def _writer(ground: Ground, place: int, rounds: range) -> Callable[[], list[str]]:
    """An account of its own: its lock does not keep it apart from the others."""
    account = factories.an_account(f"Company {place}", Money(10**9, "USD"))
    lines = _charges(account, len(rounds))
    random = ground.random("numbering", place, rounds.start)

    def write() -> list[str]:
        return [_bill(account, line, random) for line in lines if not ENDING.is_set()]

    return with_slow_writes(write)


def _charges(account: Account, count: int) -> list[AccountLineItem]:
    """So many of one cent each, made quickly."""
    charge = {"currency": "USD", "amount": 1, "account_amount": 1, "due_date": MIDNIGHT.date()}
    region = factories.a_region()
    Account.objects.filter(pk=account.pk).update(total_amount=count)
    made = AccountLineItem.objects.bulk_create(
        AccountLineItem(account=account, region=region, description=f"{n}", created_at=MIDNIGHT, **charge)
        for n in range(count)
    )
    for line in made:
        record(account, "account.charged", at=MIDNIGHT, by=SYSTEM, after={"line_item": line.pk})
    return made


def _bill(account: Account, line: AccountLineItem, random: Random) -> str:
    at = MIDNIGHT + timedelta(milliseconds=random.randint(-1000, 999))
    undone = random.random() < UNDONE_SHARE
    try:
        with accounts.locked_account(account.pk) as locked:
            invoices.bill_line_items(
                account=locked, region=line.region, line_item_ids=[line.pk], at=at, by=SYSTEM
            )
            if undone:
                raise Undone
    except Undone:
        return "undone"
    except (IntegrityError, OperationalError) as error:  # a twin that the database refused; a lock
        return f"raised {error!r}"
    return ""


def _gaps_and_twins(expected: int) -> Iterator[str]:
    count = 0
    for year in (2025, 2026):
        numbered = Invoice.objects.filter(number_year=year).order_by("number_sequence")
        rows = list(numbered.values_list("number_sequence", "number"))
        count += len(rows)
        if rows != [(n, f"INV-{year}-{n:03d}") for n in range(1, len(rows) + 1)]:
            yield f"The numbers of {year} have gaps or twins"
        last = NumberSeries.objects.filter(code="invoice", year=year).values_list("last_number", flat=True)
        if list(last) != [len(rows)]:
            yield f"The series of {year} stands at {list(last)}, with {len(rows)} invoices"
    if count != expected:
        yield f"{count} invoices instead of {expected}"
