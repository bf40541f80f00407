"""How a payment stands for the person who looks at its page: one answer, read from rows, written nowhere.

A payment that is being decided, on whatever collection, comes before everything else: nobody is offered a
second one meanwhile. Money that is only hoped for is never told as paid, and silence never as failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invoices.models import Invoice
from payments.models import PaymentCollection, PaymentSession

Status = PaymentSession.Status
SLOW_AFTER = timedelta(seconds=15)
BRISK_FOR = timedelta(seconds=30)
PATIENCE = timedelta(minutes=5)


class Stand(StrEnum):
    """What can be said about a payment."""

    READY = "ready"
    DECLINED = "declined"
    UNCONFIRMED = "unconfirmed"  # the bank could not confirm that it was the payer
    CHALLENGED = "challenged"  # the bank waits for the payer
    PROCESSING = "processing"
    UNDECIDED = "undecided"  # for longer than anybody waits at a page
    BUSY = "busy"  # another payment of the invoice is being decided
    PROMISED = "promised"
    PAID = "paid"
    CHANGED = "changed"  # what is open is no longer what this collection covers
    REPLACED = "replaced"  # something was paid of it another way, and what is left is another payment
    CANCELLED = "cancelled"


PAYABLE = (Stand.READY, Stand.DECLINED, Stand.UNCONFIRMED, Stand.CHALLENGED)
RUNNING = (Stand.PROCESSING, Stand.UNDECIDED, Stand.BUSY)


@dataclass(frozen=True)
class Standing:
    """`session` is the one that decides, or the chosen one; `amount` what can be paid now, in minor units."""

    stand: Stand
    amount: int
    invoice: Invoice
    session: PaymentSession | None = None
    age: timedelta = timedelta()

    @property
    def is_payable(self) -> bool:
        return self.stand in PAYABLE

    @property
    def is_slow(self) -> bool:
        return self.age >= SLOW_AFTER

    @property
    def ask_again(self) -> int:
        """Seconds until a page may ask again; 0: it has waited long enough."""
        if self.stand not in RUNNING:
            return 0
        return 2 if self.age < BRISK_FOR else 10 if self.age < PATIENCE else 0

    @property
    def token(self) -> str:
        """Changes when a page that shows this must be drawn anew. A form that can be used stays as it is."""
        if self.is_payable:
            return "payable"
        return f"{self.stand}-{self.session.pk if self.session else 0}-{self.ask_again}-{self.is_slow:d}"


def standing_of(
    collection: PaymentCollection,
    *,
    deciding: Sequence[PaymentSession],
    at: datetime,
    user_id: int | None,
) -> Standing:
    """How a collection stands. Needs `with_details()`, and as `deciding` what `deciding_on` its invoices
    answers."""
    covered = list(collection.covered.all())
    invoices = [item.invoice for item in covered]
    own = [one for one in deciding if one.collection_id == collection.pk]
    amount = sum(min(item.amount, max(item.invoice.open_balance, 0)) for item in covered)
    running = _running(invoices[0], deciding, mine=collection.pk, at=at, user_id=user_id)
    decided = running or _taken(collection, invoices[0]) or _decided(invoices, own if amount else deciding)
    if decided is not None:
        return decided
    if collection.closed_at:
        return Standing(Stand.REPLACED, 0, invoices[0])
    if amount != collection.amount:
        return Standing(Stand.CHANGED, amount, invoices[0])
    live = [one for one in collection.sessions.all() if not one.has_ended]
    chosen = next((one for one in live if one.is_selected), None)
    return Standing(_last_word(chosen), amount, invoices[0], chosen)


def standing_of_invoice(
    invoice: Invoice, *, deciding: Sequence[PaymentSession], at: datetime, user_id: int | None
) -> Standing:
    """How an invoice stands for which no payment was begun on this page."""
    running = _running(invoice, deciding, mine=None, at=at, user_id=user_id)
    decided = running or _decided([invoice], () if invoice.open_balance > 0 else deciding)
    return decided or Standing(Stand.READY, invoice.open_balance, invoice)


def _running(
    invoice: Invoice,
    deciding: Sequence[PaymentSession],
    *,
    mine: int | None,
    at: datetime,
    user_id: int | None,
) -> Standing | None:
    """A payment that is being captured: the reader's own, or somebody's whom they wait for."""
    session = next((one for one in deciding if one.status == Status.CAPTURING), None)
    if session is None:
        return None
    age = at - (session.claimed_at or at)
    waiting = Stand.PROCESSING if age < PATIENCE else Stand.UNDECIDED
    is_mine = session.collection_id == mine and session.payer_id in (None, user_id)
    return Standing(waiting if is_mine else Stand.BUSY, session.amount, invoice, session, age)


def _taken(collection: PaymentCollection, invoice: Invoice) -> Standing | None:
    """A collection is paid once: what is open of its invoices afterwards is another payment."""
    paid = next((one for one in collection.sessions.all() if one.status == Status.SUCCEEDED), None)
    return Standing(Stand.PAID, paid.amount, invoice, paid) if paid else None


def _decided(invoices: Sequence[Invoice], promises: Sequence[PaymentSession]) -> Standing | None:
    """What leaves nothing to pay: a cancelled invoice, paid ones, a promise."""
    for invoice in invoices:
        if invoice.status == Invoice.Status.CANCELLED:
            return Standing(Stand.CANCELLED, 0, invoice)
    if all(one.status == Invoice.Status.PAID for one in invoices):
        return Standing(Stand.PAID, sum(one.total_amount for one in invoices), invoices[0])
    if promises:
        return Standing(Stand.PROMISED, promises[0].amount, invoices[0], promises[0])
    return None


def _last_word(session: PaymentSession | None) -> Stand:
    """What came of the last attempt, when there was one."""
    if session is None or session.status != Status.INITIATED:
        return Stand.READY
    if session.provider_status == "requires_action":
        return Stand.CHALLENGED
    if session.decline_reason == "authentication_failure":
        return Stand.UNCONFIRMED
    return Stand.DECLINED if session.decline_reason else Stand.READY
