"""The books of one company in plain Python: what must be true of its balances after everything that happened.

No database, no rule of the site's is asked here. What is open, reserved, paid or kept as credit follows from
six facts alone: what was charged, what was billed, what was cancelled, which attempts to pay are being
decided, which money arrived in which order, and how much of it went back. Amounts are minor units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

DECIDING = ("capturing", "pending_verification")
LIVE = ("created", "initiated", *DECIDING)
MOVES = {
    "created": ("initiated", "cancelled", "pending_verification"),
    "initiated": (*DECIDING, "cancelled", "succeeded"),
    "capturing": ("succeeded", "failed", "initiated"),
    "pending_verification": ("succeeded", "rejected"),
}
GIVEN_UP = ("cancelled", "failed", "rejected")
RETURNS = {"reserved": ("requested", "done", "failed"), "requested": ("done", "failed")}


def worth(amount: int, places: int, rate: Decimal) -> int:
    """What an amount of a currency with so many places is worth in cents, rounded half up."""
    exact = Decimal(amount).scaleb(2 - places) * rate
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass
class Charge:
    pk: int
    region: str
    amount: int
    worth: int
    bill: "Bill | None" = None  # the live invoice it stands on

    def settled_worth(self, settled: int) -> int:
        """Rounded down until the last part, which takes the rest."""
        return self.worth * settled // self.amount


@dataclass
class Bill:
    """An invoice."""

    pk: int
    region: str
    charges: list[Charge]
    paid: int = 0
    cancelled: bool = False

    @property
    def total(self) -> int:
        return sum(charge.amount for charge in self.charges)

    @property
    def status(self) -> str:
        return "cancelled" if self.cancelled else "paid" if self.paid == self.total else "sent"


@dataclass
class Attempt:
    """A payment session: `shares` is how much of each invoice it pays, `collection` what it is one way to
    pay."""

    pk: int
    collection: int
    provider: str
    shares: list[tuple[Bill, int]]
    status: str = "created"

    @property
    def amount(self) -> int:
        return sum(share for _, share in self.shares)


@dataclass
class Return:
    """Money that goes back. It counts as gone when it is asked for, and leaves its place when it is done."""

    pk: int
    amount: int
    status: str = "reserved"
    of_credit: int = 0


@dataclass
class Money:
    """Money that came: some of it is on invoices, some is credit, of which invoices may have got some later.
    `is_owned`: it belongs to a company."""

    pk: int
    currency: str
    amount: int
    is_owned: bool = True
    credit: int = 0
    on: list[tuple[Bill, int]] = field(default_factory=list)
    by_credit: list[tuple[Bill, int]] = field(default_factory=list)
    returns: dict[int, Return] = field(default_factory=dict)

    def going(self, *statuses: str) -> int:
        return sum(one.amount for one in self.returns.values() if one.status in statuses)

    @property
    def left(self) -> int:
        return self.amount - self.going("reserved", "requested", "done")

    @property
    def spendable(self) -> int:
        """Credit that does not go back: what is asked for is taken from it first."""
        return max(0, self.credit - self.going("reserved", "requested"))

    @property
    def status(self) -> str:
        gone = self.going("done")
        if gone == self.amount:
            return "refunded"
        return ("partially_refunded" if gone else "captured") if self.is_owned else "unassigned"

    def may_return(self, amount: int) -> bool:
        """Nobody's money goes back whole."""
        return 0 < amount <= self.left and (self.is_owned or amount == self.left)

    def may_assign(self) -> bool:
        return not self.is_owned and self.left == self.amount

    def move(self, back: Return, status: str) -> None:
        assert status in RETURNS.get(back.status, ()), f"refund {back.pk} went from {back.status} to {status}"
        back.status = status
        if status == "done" and self.is_owned:
            self._give_up(back)

    def _give_up(self, back: Return) -> None:
        """Credit first, then what is on invoices, from the latest one back, then what its credit paid."""
        unused = min(self.credit, back.amount)
        self.credit -= unused
        left = self._take_off(self.on, back.amount - unused)
        rest = self._take_off(self.by_credit, left)
        back.of_credit = unused + left - rest
        assert rest == 0, f"refund {back.pk} takes {rest} more than there is"

    @staticmethod
    def _take_off(places: list[tuple[Bill, int]], left: int) -> int:
        """Take so much back from invoices; answers what they did not have."""
        places.sort(key=lambda one: -one[0].pk)
        for number, (bill, share) in enumerate(places):
            taken = min(share, left)
            places[number] = (bill, share - taken)
            bill.paid -= taken
            left -= taken
        return left


@dataclass
class Books:
    """One company. `limit` is the most it may owe."""

    limit: int
    charges: list[Charge] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    money: list[Money] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)  # collections of which credit or late money paid a part

    @property
    def charged(self) -> int:
        return sum(charge.worth for charge in self.charges)

    @property
    def paid(self) -> int:
        """What was paid on invoices settles their charges oldest first."""
        settled = 0
        for bill in self.bills:
            left = 0 if bill.cancelled else bill.paid
            for charge in bill.charges:
                share = min(left, charge.amount)
                left -= share
                settled += charge.settled_worth(share)
        return settled

    @property
    def due(self) -> int:
        return self.charged - self.paid

    @property
    def credit(self) -> list[tuple[str, int]]:
        """What no invoice took and what did not go back, by currency."""
        currencies = sorted({one.currency for one in self.money})
        kept = {code: sum(one.credit for one in self.money if one.currency == code) for code in currencies}
        return [(code, amount) for code, amount in kept.items() if amount]

    def reserved(self, bill: Bill, *, but: Attempt | None = None) -> int:
        """What attempts that are being decided keep of an invoice."""
        deciding = [one for one in self.attempts.values() if one.status in DECIDING and one is not but]
        return sum(share for one in deciding for kept, share in one.shares if kept is bill)

    def open(self, bill: Bill, *, but: Attempt | None = None) -> int:
        return bill.total - bill.paid - self.reserved(bill, but=but) if bill.status == "sent" else 0

    def unbilled(self, region: str) -> list[Charge]:
        return [one for one in self.charges if one.region == region and one.bill is None]

    # What may be done

    def may_charge(self, amount_worth: int) -> bool:
        return self.due + amount_worth <= self.limit

    def may_cancel(self, bill: Bill) -> bool:
        return bill.status == "sent" and bill.paid == 0 and self.reserved(bill) == 0

    def may_pay(self, bill: Bill) -> bool:
        return self.open(bill) > 0

    def may_ask(self, shares: Sequence[tuple[Bill, int]]) -> bool:
        """Parts of different invoices of one region, each of which is open."""
        bills = [bill.pk for bill, _ in shares]
        return (
            0 < len(bills) == len(set(bills))
            and len({bill.region for bill, _ in shares}) == 1
            and all(0 < share <= self.open(bill) for bill, share in shares)
        )

    def is_taken(self, collection: int) -> bool:
        """Somebody paid, pays or promised what it covers: it is paid once."""
        ways = [one for one in self.attempts.values() if one.collection == collection]
        return collection in self.closed or any(one.status in (*DECIDING, "succeeded") for one in ways)

    def may_complete(self, attempt: Attempt) -> bool:
        return self.may_claim(attempt) and not self.is_taken(attempt.collection)

    def may_claim(self, attempt: Attempt) -> bool:
        """Nobody else is being captured on its invoices, and all it covers is open."""
        capturing = [one for one in self.attempts.values() if one.status == "capturing"]
        busy = [bill for one in capturing for bill, _ in one.shares]
        return all(bill not in busy and self.open(bill) >= share for bill, share in attempt.shares)

    # What happens

    def charge(self, pk: int, region: str, amount: int, amount_worth: int) -> None:
        self.charges.append(Charge(pk, region, amount, amount_worth))

    def bill(self, pk: int, charges: Sequence[Charge]) -> Bill:
        made = Bill(pk, charges[0].region, list(charges))
        for one in charges:
            assert one.bill is None, f"charge {one.pk} is billed twice"
            one.bill = made
        self.bills.append(made)
        return made

    def cancel(self, bill: Bill) -> None:
        bill.cancelled = True
        for charge in bill.charges:
            charge.bill = None

    def move(self, attempt: Attempt, status: str) -> None:
        """An attempt became something else; from an end nothing leads anywhere."""
        allowed = MOVES.get(attempt.status, ())
        assert status in allowed, f"session {attempt.pk} went from {attempt.status} to {status}"
        attempt.status = status

    def arrive(self, attempt: Attempt, money: Money) -> None:
        """Money: on the invoices it is for as far as they are open, and the rest is credit."""
        left = money.amount
        for bill, share in attempt.shares:
            taken = max(0, min(share, self.open(bill), left))
            bill.paid += taken
            left -= taken
            money.on.append((bill, taken))
        money.credit = left
        self.money.append(money)
        if attempt.status in GIVEN_UP:
            self.closed.add(attempt.collection)

    def assign(self, money: Money) -> None:
        """Nobody's money belongs to this company: it is credit."""
        money.is_owned, money.credit = True, money.amount
        self.money.append(money)

    def kept(self, currency: str) -> int:
        return sum(one.spendable for one in self.money if one.currency == currency)

    def use_credit(self, collection: int, shares: Sequence[tuple[Bill, int]], currency: str) -> None:
        """Credit goes on invoices, oldest first, as far as it reaches."""
        self.closed.add(collection)
        for bill, share in shares:
            for money in self.money:
                taken = min(share, money.spendable if money.currency == currency else 0)
                money.credit -= taken
                bill.paid += taken
                share -= taken
                money.by_credit.append((bill, taken))
