"""Payments that staff record: a cheque, a wire, cash. And taking a wrong recording out of the books again,
by a counter-entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from django.db.models import Sum

from accounts import operations as accounts
from accounts.models import Account, Organization, User
from core.audit import record
from core.errors import Conflict, Invalid
from core.money import format_minor, places
from core.outbox import enqueue, stop, waiting
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import (
    AccountCredit,
    Allocation,
    BankLine,
    Payment,
    PaymentProvider,
    RecordedMethod,
    Refund,
)
from payments.operations.booking import RECEIPT, new_payment
from payments.operations.collecting import MOST_INVOICES, Share, end_larger_attempts, payable_part
from payments.operations.receipting import issue_receipt
from payments.operations.refunding import held
from payments.operations.taking_back import credit_left, take_back

PERMISSION = "payments.record_payment"
UNDONE = "payments.recording_undone"  # the worker tells the customer
MANUAL = "pp_system_default"
LARGEST = 10**15  # what a form can write, in minor units; far from what the columns hold


@dataclass(frozen=True)
class Received:
    """Money that came in: how, when (a day where the organization is), how much in minor units of `currency`,
    the parts of it that pay invoices, and what the cheque or the transfer says. What no part takes becomes
    account credit."""

    method: str
    received_date: date
    currency: str
    amount: int
    parts: Sequence[Share] = ()
    reference: str = ""
    note: str = ""

    @property
    def left(self) -> int:
        """What becomes account credit."""
        return self.amount - sum(part.amount for part in self.parts)


def record_payment(
    *, account: Account, received: Received, at: datetime, staff: User, form_key: UUID | None = None
) -> Payment:
    """Book money that came in past every provider. Who records it vouches for it. The same form key answers
    the same payment: pressed twice, booked once.

    Refuses staff without the permission, a day in the future, an amount that is not positive, parts that are
    more than it, and what cannot be paid: an invoice that is no longer open, is another company's, in another
    currency, named twice, or has less open than its part.
    """
    with accounts.locked_account(account.pk) as locked:
        made = form_key and Payment.objects.filter(form_key=form_key).first()
        if made:
            return made
        return book_received(locked, received, at=at, staff=staff, form_key=form_key)


def book_received(
    account: Account, received: Received, *, at: datetime, staff: User, form_key: UUID | None = None
) -> Payment:
    """`record_payment` under the account's lock."""
    require_recordable(account, received, at=at, staff=staff)
    current = Invoice.objects.in_bulk([part.invoice.pk for part in received.parts])
    payment = new_payment(
        at=at,
        by=staff.actor,
        account=account,
        provider=PaymentProvider.objects.get(code=MANUAL),
        reference=f"REC-{uuid4().hex[:12].upper()}",
        currency=received.currency,
        amount=received.amount,
        status=Payment.Status.CAPTURED,
        method=received.method,
        captured_at=at,
        verified_by=staff,
        verified_at=at,
        reason=received.note.strip(),
        received_date=received.received_date,
        payer_reference=received.reference.strip(),
        form_key=form_key,
    )
    for part in received.parts:
        invoice = current[part.invoice.pk]
        Allocation.objects.create(
            invoice=invoice, payment=payment, currency=payment.currency, amount=part.amount, created_at=at
        )
        paid = invoice.paid_amount + part.amount
        invoices.set_paid_amount(invoice, paid, account=account, at=at, by=staff.actor)
        end_larger_attempts(invoice, at=at)
    if received.left:
        _keep(account, payment, received.left, at=at, staff=staff)
    enqueue(RECEIPT, {"payment": payment.pk}, at=at)
    issue_receipt(payment, at=at)
    return payment


def require_recordable(account: Account, received: Received, *, at: datetime, staff: User) -> None:
    """Refuse what `record_payment` refuses. The operation asks under the lock, its page before."""
    may_record(staff)
    if received.method not in RecordedMethod.values:
        raise Invalid("Choose how it was paid", field="method")
    if received.received_date > Organization.objects.get().today(at):
        raise Invalid("The date cannot be in the future", field="received_date")
    places(received.currency)  # refuses one that there is not
    if received.amount <= 0:
        raise Invalid("Payment amount must be positive", field="amount")
    if received.amount > LARGEST:
        raise Invalid("The amount is too large", field="amount")
    _require_payable_parts(account, received)
    if received.left < 0:
        more = format_minor(-received.left, received.currency)
        raise Invalid(f"The parts are {more} more than the amount that came in", field="amount")


def may_record(staff: User) -> None:
    """Refuse staff who may not record what came in."""
    accounts.acting(staff, PERMISSION)


def _require_payable_parts(account: Account, received: Received) -> None:
    if len(received.parts) > MOST_INVOICES:
        raise Invalid(f"Record at most {MOST_INVOICES} invoices at once")
    current = Invoice.objects.in_bulk([part.invoice.pk for part in received.parts])
    for part in received.parts:
        invoice = current.pop(part.invoice.pk, None)
        if invoice is None:
            raise Invalid(f"Invoice {part.invoice} is named twice")
        if invoice.account_id != account.pk:
            raise Invalid(f"Invoice {invoice} is another company's")
        if invoice.status == Invoice.Status.DRAFT:
            raise Invalid(f"{invoice} is a draft: issue it first")
        payable_part(invoice, part.amount, received.currency)


def _keep(account: Account, payment: Payment, amount: int, *, at: datetime, staff: User) -> None:
    credit = AccountCredit.objects.create(
        account=account,
        payment=payment,
        currency=payment.currency,
        amount=amount,
        reason=f"More came in than was put on invoices ({payment.reference})",
        created_at=at,
    )
    told = {"amount": amount, "currency": credit.currency}
    record(credit, "credit.kept", at=at, by=staff.actor, after=told)


def undo_recording(*, payment: Payment, reason: str, at: datetime, staff: User) -> Refund:
    """What was recorded did not come in, or was somebody else's: take it out of the books, whole, by a
    counter-entry; no row is deleted. Invoices are open again, the account owes what it owed, and a line of a
    bank statement that it was is open again. The customer is told, where the receipt has left already.
    Refuses staff without the permission, a missing reason, and what `reversible` refuses."""
    reason = accounts.required(reason)
    with held(payment) as account:
        current = reversible(payment=payment, staff=staff)
        if account is None:  # what is recorded is always somebody's
            raise RuntimeError(f"Payment {current.pk} was recorded for no account")
        return _taken_out(current, account, reason, at=at, staff=staff)


def _taken_out(payment: Payment, account: Account, reason: str, *, at: datetime, staff: User) -> Refund:
    refund = Refund.objects.create(
        kind=Refund.Kind.REVERSAL,
        payment=payment,
        provider_id=payment.provider_id,
        currency=payment.currency,
        amount=payment.amount,
        status=Refund.Status.REQUESTED,
        reason=reason,
        staff=staff,
        created_at=at,
    )
    told = {"status": refund.status, "amount": refund.amount, "currency": refund.currency}
    record(refund, "refund.reversal", at=at, by=staff.actor, after=told, reason=reason)
    credit = take_back(refund, account, at=at, by=staff.actor)
    done = Refund.Status.DONE
    move(refund, done, at=at, by=staff.actor, credit_amount=credit, ended_at=at, outcome="done")
    move(payment, Payment.Status.REFUNDED, at=at, by=staff.actor, reason=reason)
    receipt = waiting(RECEIPT, payment=payment.pk)
    if receipt:  # the customer was told nothing yet
        stop(receipt, at=at)
    else:
        enqueue(UNDONE, {"refund": refund.pk}, at=at)
    for line in BankLine.objects.select_for_update().filter(payment=payment):
        free = {"payment": None, "decided_by": None, "decided_at": None}
        move(line, BankLine.Status.OPEN, at=at, by=staff.actor, reason=reason, **free)
    return refund


def reversible(*, payment: Payment, staff: User) -> Payment:
    """The payment as it is now, if this member of staff may take its recording out of the books: nothing of
    it went back, and no invoice used what it left as credit."""
    may_record(staff)
    current = Payment.objects.get(pk=payment.pk)
    name = f"payment {current.reference}"
    if not current.is_recorded:
        raise Conflict(f"Payment {current.reference} was not recorded by staff: it can only be refunded")
    if current.undone:
        raise Conflict(f"The recording of {name} is undone already")
    if current.status != Payment.Status.CAPTURED or current.refunds.counting().exists():
        raise Conflict(f"Something of {name} went back already: the rest can only be refunded")
    kept = current.credits.aggregate(total=Sum("amount"))["total"] or 0
    used = kept - credit_left(current)
    if used:
        on = Allocation.objects.filter(credit__payment=current).order_by("pk")
        numbers = ", ".join(dict.fromkeys(str(one) for one in on.values_list("invoice__number", flat=True)))
        much = format_minor(used, current.currency)
        raise Conflict(f"{much} of its account credit was used on {numbers} meanwhile: refund it instead")
    return current
