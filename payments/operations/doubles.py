"""Lines of a bank statement that may be here already, mostly from a file of another format.

In the same format a line has the same key in each file that has it. Across formats nothing names it for sure:
texts, names and the bank's references are cut and written differently. What looks the same is kept and
marked, and staff decide: no line is lost, and none is booked twice unseen (docs/decisions/0038).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction

from accounts.models import User
from core.audit import record
from core.errors import Conflict
from payments.models import BankLine, BankStatement
from payments.operations.recording import may_record

MOST_PAIRS = 10_000  # of lines of one day and amount that are compared word by word
WORD = re.compile(r"[^\W_]+")
CURRENCY = re.compile(r"(?<=\d)[A-Z]{3}$")  # which MT940 may write behind the number of an account


def mark_doubles(lines: Sequence[BankLine], *, known: Collection[str]) -> None:
    """Say of new lines that came in which line each may be: one of the same bank account, day, currency and
    amount, of an earlier file. `known` are the keys of lines that this file has under the same name: they are
    no other line's double. Saves nothing."""
    asked: dict[tuple[date, str, int], list[BankLine]] = defaultdict(list)
    for line in lines:
        if line.amount > 0:
            asked[line.day, line.currency, line.amount].append(line)
    if not asked:
        return
    days = [day for day, _, _ in asked]
    here = BankLine.objects.filter(amount__gt=0, day__range=(min(days), max(days))).order_by("pk")
    twins: dict[tuple[date, str, int], list[BankLine]] = defaultdict(list)
    for row in here.exclude(double_of__isnull=False, status=BankLine.Status.DISMISSED):
        if row.key not in known and is_same_account(row.bank_account, lines[0].bank_account):
            twins[row.day, row.currency, row.amount].append(row)
    for looks, new in asked.items():
        _pair(new, twins[looks])


def overlapping(statement: BankStatement) -> list[BankStatement]:
    """Other statements of its bank account and some of its days, in another format. What one of them sums up
    and the other one splits is marked on none."""
    others = BankStatement.objects.filter(
        first_date__lte=statement.last_date, last_date__gte=statement.first_date
    ).exclude(format=statement.format, mapping=statement.mapping)
    return [one for one in others if is_same_account(one.bank_account, statement.bank_account)]


def is_same_account(one: str, other: str) -> bool:
    """Whether two files are about the same bank account: its IBAN, or the number that the IBAN ends with."""
    if one == other:
        return True
    parts = [WORD.findall(CURRENCY.sub("", text.upper())) for text in (one, other)]
    first, second = ("".join(part) for part in parts)
    tails = [tail.lstrip("0") for part in parts for tail in ("".join(part), *part[-1:])]
    return any(len(tail) >= 6 and first.endswith(tail) and second.endswith(tail) for tail in tails)


def _pair(new: Sequence[BankLine], twins: Sequence[BankLine]) -> None:
    """Each twin is that of the new line which shares most words with it, so that two equal payments stay two.
    Of more new lines than twins, one that shares as much as another and says something else is marked too:
    which of them is new cannot be told."""
    if len(new) * len(twins) > MOST_PAIRS:
        for line in new:
            line.double_of = twins[0]
        return
    words = {id(row): _words(row) for row in (*new, *twins)}

    def shared(line: BankLine, twin: BankLine) -> int:
        return len(words[id(line)] & words[id(twin)])

    pairs = [(line, twin) for line in new for twin in twins]
    taken = set()
    for line, twin in sorted(pairs, key=lambda pair: (pair[1].double_of_id is not None, -shared(*pair))):
        if line.double_of_id is None and twin.pk not in taken:
            line.double_of = twin
            taken.add(twin.pk)
    paired = [(line, twin) for line, twin in pairs if line.double_of_id == twin.pk]
    for line in [line for line in new if line.double_of_id is None]:
        for other, twin in paired:
            if shared(line, twin) >= shared(other, twin) and words[id(line)] != words[id(other)]:
                line.double_of = twin


def _words(line: BankLine) -> frozenset[str]:
    said = f"{line.reference} {line.payer_name} {line.payer_account}"
    return frozenset(WORD.findall(said.casefold()))


def tell_apart(*, line: BankLine, at: datetime, staff: User) -> None:
    """It is a payment of its own: from now on the line is as any other."""
    with transaction.atomic():
        BankLine.objects.select_for_update().get(pk=line.pk)
        current = doubtful(line=line, staff=staff)
        before = {"double_of": current.double_of_id}
        current.double_of = None
        current.save(update_fields=["double_of"])
        after = {"double_of": None}
        record(current, "bankline.told_apart", at=at, by=staff.actor, before=before, after=after)


def doubtful(*, line: BankLine, staff: User) -> BankLine:
    """The line as it is now, if this member of staff can say that it is no double."""
    may_record(staff)
    current = BankLine.objects.get(pk=line.pk)
    if current.status != BankLine.Status.OPEN:
        raise Conflict(f"This line is {current.get_status_display().lower()}")
    if current.double_of_id is None:
        raise Conflict("This line is no double of another")
    return current


def require_no_double(line: BankLine) -> None:
    """Refuse to book what may be booked already."""
    if line.double_of_id is not None:
        raise Conflict("This line may be a double of another one: say first that it is none")
