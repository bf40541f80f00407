"""What a line of a bank statement may be: proposals with their evidence. Pure functions over what is known;
where two answers are as good as each other there is none."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

from core.money import format_minor

MOST_BILLS = 20  # open invoices of an account among which sums are looked for
LARGEST_SUM = 6  # invoices in one sum
MOST_SUMS = 5_000  # of one size: of more the sum is not looked for, and nothing is that is larger
LONGEST_NAME = 6  # words of a text that may be one number, `INV 2025 001`
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Line:
    """What came in, in minor units, and what the bank says of it."""

    pk: int
    amount: int
    currency: str
    reference: str = ""
    payer_name: str = ""
    payer_account: str = ""


@dataclass(frozen=True)
class Promise:
    """A bank transfer that a customer announced; 0 once staff decided on it."""

    pk: int
    account: int
    reference: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Bill:
    """An invoice, and what of it can be paid, in minor units; 0 when nothing can."""

    pk: int
    account: int
    number: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Known:
    """The promises and open invoices that may be meant, and the accounts of payers: by what the bank calls
    the payer, each with the words how that is known."""

    promises: Sequence[Promise] = ()
    bills: Sequence[Bill] = ()
    payers: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """What a line is, and why: a promise, or invoices of one account that it pays wholly."""

    account: int
    promise: Promise | None
    bills: tuple[Bill, ...]
    evidence: str

    @property
    def code(self) -> str:
        """What it comes to; another proposal has another code."""
        if self.promise:
            return f"promise:{self.promise.pk}"
        return "invoices:" + ",".join(f"{bill.pk}={bill.amount}" for bill in self.bills)

    @property
    def claims(self) -> set[str]:
        """What no second line can be."""
        return {f"p{self.promise.pk}"} if self.promise else {f"i{bill.pk}" for bill in self.bills}


def propose(lines: Sequence[Line], known: Known) -> dict[int, Proposal]:
    """By line, what it is, where that is the only good answer. Two lines that could be the same get none."""
    search = _Search(known)
    by_payer = sorted(lines, key=lambda line: (line.payer_account, line.payer_name, line.currency))
    found = {line.pk: proposal for line in by_payer if (proposal := search.proposal(line))}
    claimed = Counter(claim for proposal in found.values() for claim in proposal.claims)
    return {
        pk: proposal
        for pk, proposal in found.items()
        if all(claimed[claim] == 1 for claim in proposal.claims)
    }


def names_in(text: str) -> set[str]:
    """What in a text may be a number of ours, in capitals: `INV-2025-001` also where the bank wrote
    `Inv 2025/001`. A number always stands between other signs than letters and digits."""
    words = [word.upper() for word in WORD.findall(text)]
    runs = {
        tuple(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + LONGEST_NAME, len(words)) + 1)
    }
    return {"-".join(run) for run in runs if any(one.isdigit() for one in "".join(run))}


def payer_key(kind: str, text: str) -> str:
    """What a payer is known by: `account` or `name`, in one spelling."""
    plain = "".join(WORD.findall(text)).casefold()
    return f"{kind}:{plain}" if plain else ""


class _Search:
    def __init__(self, known: Known) -> None:
        self.known = known
        self.promises: dict[str, list[Promise]] = defaultdict(list)
        self.bills: dict[str, list[Bill]] = defaultdict(list)
        self.of_account: dict[tuple[int, str], list[Bill]] = defaultdict(list)
        self.promised: dict[tuple[int, str], list[Promise]] = defaultdict(list)
        self.tables: dict[tuple[int, str, int], dict[int, list[tuple[int, ...]]]] = {}
        for promise in sorted(known.promises, key=lambda one: one.pk):  # one order, so one code
            self.promises[_spelled(promise.reference)].append(promise)
            self.promised[promise.account, promise.currency].append(promise)
        for bill in sorted(known.bills, key=lambda one: one.pk):
            self.bills[_spelled(bill.number)].append(bill)
            if bill.amount:
                self.of_account[bill.account, bill.currency].append(bill)

    def proposal(self, line: Line) -> Proposal | None:
        """By its text; by its payer only where the text names nothing of ours."""
        names = names_in(line.reference)
        promises = [one for name in sorted(names) for one in self.promises.get(name, ())]
        bills = [one for name in sorted(names) for one in self.bills.get(name, ())]
        if promises or bills:
            return _only(_named(line, promises, bills))
        return self._by_payer(line)

    def _by_payer(self, line: Line) -> Proposal | None:
        payer = self._payer(line)
        if payer is None:
            return None
        account, how = payer
        bills = self.of_account[account, line.currency]
        promises = [one for one in self.promised[account, line.currency] if one.amount == line.amount]
        if len(bills) > MOST_BILLS:
            return None
        for size in range(1, LARGEST_SUM + 1):
            if comb(len(bills), size) > MOST_SUMS:
                return None
            found = [
                Proposal(account, None, tuple(bills[at] for at in places), _summed(how, size))
                for places in self._sums(account, line.currency, size).get(line.amount, ())
            ]
            if size == 1:
                said = f"{how}; one promise of theirs is exactly the amount"
                found += [Proposal(account, one, (), said) for one in promises]
            if found:
                return _only(found)
        return None

    def _sums(self, account: int, currency: str, size: int) -> dict[int, list[tuple[int, ...]]]:
        """Added up once for the lines of a payer, one after the other, and only as far as they need it."""
        key = (account, currency, size)
        if (account, currency, 1) not in self.tables:
            self.tables.clear()
        if key not in self.tables:
            self.tables[key] = sums([bill.amount for bill in self.of_account[account, currency]], size)
        return self.tables[key]

    def _payer(self, line: Line) -> tuple[int, str] | None:
        """The one account that the payer is known as: by the bank account, or else by the name."""
        for kind, text in (("account", line.payer_account), ("name", line.payer_name)):
            accounts = self.known.payers.get(payer_key(kind, text), {})
            if accounts:
                return next(iter(accounts.items())) if len(accounts) == 1 else None
        return None


def _named(line: Line, promises: Iterable[Promise], bills: Sequence[Bill]) -> list[Proposal]:
    """What the text names, where the amount fits as well."""
    total = format_minor(line.amount, line.currency)
    found = [
        Proposal(one.account, one, (), f"The text names {one.reference}, and {total} were promised")
        for one in promises
        if (one.amount, one.currency) == (line.amount, line.currency)
    ]
    fitting = [bill for bill in bills if bill.amount and bill.currency == line.currency]
    found += [
        Proposal(bill.account, None, (bill,), f"The text names {bill.number}, of which {total} are open")
        for bill in fitting
        if bill.amount == line.amount
    ]
    together = sum(bill.amount for bill in fitting) == line.amount
    if len(fitting) > 1 and together and len({bill.account for bill in fitting}) == 1:
        numbers = ", ".join(bill.number for bill in fitting)
        said = f"The text names {numbers}, of which together {total} are open"
        found.append(Proposal(fitting[0].account, None, tuple(fitting), said))
    return found


def sums(amounts: Sequence[int], size: int) -> dict[int, list[tuple[int, ...]]]:
    """By their sum, the places of so many amounts. Two answers are as many as anybody needs."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for places in combinations(range(len(amounts)), size):
        same = found.setdefault(sum(amounts[place] for place in places), [])
        if len(same) < 2:
            same.append(places)
    return found


def _summed(how: str, size: int) -> str:
    if size == 1:
        return f"{how}; one open invoice of theirs is exactly the amount"
    return f"{how}; {size} open invoices of theirs are together exactly the amount, and no other {size}"


def _only(found: Sequence[Proposal]) -> Proposal | None:
    return found[0] if len(found) == 1 else None


def _spelled(number: str) -> str:
    return "-".join(word.upper() for word in WORD.findall(number))
