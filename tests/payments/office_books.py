"""What staff's jobs come to, in plain arithmetic: one account, one currency, minor units. The site is asked
nothing: each job that was done is told here, with what was asked of it."""

from dataclasses import dataclass, field


@dataclass
class Credit:
    left: int
    used: dict[int, int] = field(default_factory=dict)


@dataclass
class Bill:
    """An invoice: what is on it, what payments, credit and corrections settled, what promises keep; what of
    it was credited or given up, and the account credit of that."""

    total: int
    charges: dict[int, int]
    settled: int = 0
    kept: int = 0
    corrected: int = 0
    credits: list[Credit] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def open(self) -> int:
        return self.total - self.settled - self.kept

    @property
    def status(self) -> str:
        return "cancelled" if self.is_cancelled else "paid" if self.settled == self.total else "sent"


@dataclass
class Money:
    """A payment: its parts by invoice, and what no part took."""

    parts: dict[int, int]
    credit: Credit


@dataclass
class Books:
    charged: int = 0
    unbilled: dict[int, int] = field(default_factory=dict)
    bills: dict[int, Bill] = field(default_factory=dict)
    credits: list[Credit] = field(default_factory=list)
    money: dict[int, Money] = field(default_factory=dict)
    promises: dict[int, tuple[int, int]] = field(default_factory=dict)

    def charge(self, charge: int, amount: int) -> None:
        self.unbilled[charge] = amount
        self.charged += amount

    def bill(self, invoice: int, charges: list[int], *, fresh: dict[int, int] | None = None) -> None:
        """`fresh`: charges of lines that nothing was charged for before."""
        for charge, amount in (fresh or {}).items():
            self.charge(charge, amount)
        billed = {charge: self.unbilled.pop(charge) for charge in [*charges, *(fresh or {})]}
        self.bills[invoice] = Bill(sum(billed.values()), billed)

    def cancel(self, invoice: int) -> None:
        self.bills[invoice].is_cancelled = True
        self.unbilled |= self.bills[invoice].charges

    def settle(self, invoice: int, amount: int) -> None:
        self.bills[invoice].settled += amount

    def keep(self, amount: int) -> Credit:
        self.credits.append(Credit(amount))
        return self.credits[-1]

    def credit(self, invoice: int, amount: int, *, is_kept: bool) -> None:
        bill = self.bills[invoice]
        put = 0 if is_kept else min(amount, bill.open)
        self.settle(invoice, put)
        bill.corrected += amount
        bill.credits.append(self.keep(amount - put))

    def write_off(self, invoice: int, amount: int) -> None:
        """A negative amount takes it back."""
        self.settle(invoice, amount)
        self.bills[invoice].corrected += amount

    def to_write_off(self, invoice: int) -> int:
        """What is open, of what was not corrected or paid other invoices as credit."""
        bill = self.bills[invoice]
        uses = [use for credit in bill.credits for use in credit.used.items()]
        elsewhere = sum(share for other, share in uses if other != invoice)
        return min(bill.open, bill.total - bill.corrected + elsewhere)

    def receive(self, payment: int, amount: int, parts: dict[int, int]) -> None:
        for invoice, part in parts.items():
            self.settle(invoice, part)
        self.money[payment] = Money(dict(parts), self.keep(amount - sum(parts.values())))

    def promise(self, payment: int, invoice: int) -> None:
        """All that is open, kept until somebody decides."""
        self.promises[payment] = invoice, self.bills[invoice].open
        self.bills[invoice].kept += self.bills[invoice].open

    def reject(self, payment: int) -> None:
        invoice, amount = self.promises[payment]
        self.bills[invoice].kept -= amount

    def verify(self, payment: int) -> None:
        self.reject(payment)
        invoice, amount = self.promises[payment]
        self.receive(payment, amount, {invoice: amount})

    def spend(self, invoice: int, amount: int) -> None:
        """The oldest credit first."""
        self.settle(invoice, amount)
        for credit in self.credits:
            share = min(credit.left, amount)
            credit.left, amount = credit.left - share, amount - share
            credit.used[invoice] = credit.used.get(invoice, 0) + share

    def send_back(self, payment: int, amount: int) -> None:
        """First what is left as credit, then from its invoices, the latest first, then from its credit's."""
        money = self.money[payment]
        share = min(money.credit.left, amount)
        money.credit.left, amount = money.credit.left - share, amount - share
        for parts in (money.parts, money.credit.used):
            for invoice in sorted(parts, reverse=True):
                share = min(parts[invoice], amount)
                parts[invoice], amount = parts[invoice] - share, amount - share
                self.settle(invoice, -share)

    def undo(self, payment: int) -> None:
        money = self.money[payment]
        self.send_back(payment, sum(money.parts.values()) + money.credit.left)

    @property
    def told(self) -> tuple[int, int, dict[int, tuple[str, int, int, int]]]:
        """What the account owes, its credit, and by invoice its status, what is settled, what is open and
        what of that can be written off."""
        settled = sum(bill.settled for bill in self.bills.values())
        rows = {
            pk: (bill.status, bill.settled, bill.open, self.to_write_off(pk))
            for pk, bill in self.bills.items()
        }
        return self.charged - settled, sum(credit.left for credit in self.credits), rows
