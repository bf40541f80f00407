"""Booking money that moved, once: payment, allocations, invoices, charges and account move together. All
under the account's lock, with rows read after it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moneyed import Money

from accounts.models import Account
from core.audit import Actor, record
from core.money import format_minor, from_minor, nearest_minor
from core.outbox import enqueue
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import (
    AccountCredit,
    Allocation,
    Payment,
    PaymentCollectionInvoice,
    PaymentSession,
    ReconciliationIssue,
)
from payments.operations.claiming import claim, free, is_claimable
from payments.operations.collecting import close, end_attempts
from payments.operations.issues import open_issue
from payments.operations.receipting import issue_receipt
from payments.providers import PROVIDERS
from payments.providers.base import Observation

Status = PaymentSession.Status
RECEIPT, PROMISED = "payments.receipt", "payments.promised"


def book(
    account: Account,
    session: PaymentSession,
    covered: Sequence[PaymentCollectionInvoice],
    seen: Observation,
    *,
    at: datetime,
    by: Actor,
) -> None:
    """Book captured money once. Call under the account's lock, with rows read after it."""
    known = Payment.objects.filter(provider=session.provider, reference=seen.capture_reference).first()
    if known is not None and known.status != Payment.Status.PENDING:
        return
    wrong = differences(session, seen)
    if wrong:
        _book_unassigned(session, seen, wrong, at=at, by=by)
        if session.status == Status.INITIATED:
            _keep_invoices(session, covered, seen, at=at, by=by)
        return
    if session.status in (Status.CAPTURING, Status.PENDING_VERIFICATION):
        free(session, covered)
    payment = known or _book_captured(session, seen, at=at, by=by)
    if known:
        move(payment, Payment.Status.CAPTURED, at=at, by=by, captured_at=at)
    left = _allocate(payment, covered, account, at=at, by=by)
    if left:
        _keep_as_credit(account, payment, left, at=at, by=by)
    if session.has_ended:
        close(session.collection, at=at)
    if session.status == Status.INITIATED:
        move(session, Status.CAPTURING, at=at, by=by, claimed_at=at)
    if not session.has_ended:
        move(
            session,
            Status.SUCCEEDED,
            at=at,
            by=by,
            ended_at=at,
            provider_status=seen.status,
            decline_reason="",
            look_again_at=None,
        )
    if any(item.invoice.status == Invoice.Status.SENT for item in covered):  # a closed one ends them itself
        end_attempts([session.collection], at=at)
    enqueue(RECEIPT, {"payment": payment.pk}, at=at)
    issue_receipt(payment, at=at)


def differences(session: PaymentSession, seen: Observation) -> list[str]:
    """In what the provider's facts differ from the session's; empty when they agree."""
    expected = from_minor(session.amount, session.currency)
    provider = PROVIDERS[session.provider.code]
    wrong = []
    if seen.amount != expected:
        wrong.append(f"the amount is {written(seen.amount)}, not {written(expected)}")
    if seen.session != str(session.uuid):
        wrong.append("it names another payment session")
    if seen.is_live != provider.is_live():
        wrong.append("it was made in live mode" if seen.is_live else "it was made in test mode")
    return wrong


def written(amount: Money | None) -> str:
    """An amount that a provider told, as staff read it."""
    if amount is None:
        return "unknown"
    code = amount.currency.code
    minor = nearest_minor(amount)
    return format_minor(minor, code) if from_minor(minor, code) == amount else f"{amount.amount} {code}"


def new_payment(*, at: datetime, by: Actor, **fields: Any) -> Payment:
    """A new payment, and its row in the audit trail."""
    payment = Payment.objects.create(created_at=at, **fields)
    after = {"status": payment.status, "amount": payment.amount, "currency": payment.currency}
    record(payment, f"payment.{payment.status}", at=at, by=by, after=after)
    return payment


def book_promise(session: PaymentSession, *, at: datetime, by: Actor) -> Payment:
    """A payment that counts for nothing until staff verify it."""
    payment = new_payment(
        at=at,
        by=by,
        session=session,
        account_id=session.account_id,
        provider=session.provider,
        reference=session.reference,
        currency=session.currency,
        amount=session.amount,
        status=Payment.Status.PENDING,
        method="bank_transfer",
        payer_id=by.user_id,
    )
    enqueue(PROMISED, {"payment": payment.pk}, at=at)
    return payment


def _book_captured(session: PaymentSession, seen: Observation, *, at: datetime, by: Actor) -> Payment:
    return new_payment(
        at=at,
        by=by,
        session=session,
        account_id=session.account_id,
        provider=session.provider,
        reference=seen.capture_reference,
        currency=session.currency,
        amount=session.amount,
        status=Payment.Status.CAPTURED,
        method=seen.method or session.provider.code,
        method_details=seen.method_details,
        payer_id=session.payer_id,
        captured_at=at,
    )


def _allocate(
    payment: Payment,
    covered: Sequence[PaymentCollectionInvoice],
    account: Account,
    *,
    at: datetime,
    by: Actor,
) -> int:
    """Put the payment on its invoices as far as they are open; answers what no invoice took."""
    left = payment.amount
    for item in covered:
        invoice = item.invoice
        open_balance = invoice.open_balance if invoice.status == Invoice.Status.SENT else 0
        share = min(item.amount, open_balance, left)
        if share <= 0:
            continue
        left -= share
        Allocation.objects.create(
            invoice=invoice, payment=payment, currency=payment.currency, amount=share, created_at=at
        )
        invoices.set_paid_amount(invoice, invoice.paid_amount + share, account=account, at=at, by=by)
    return left


def _keep_as_credit(account: Account, payment: Payment, amount: int, *, at: datetime, by: Actor) -> None:
    """Surplus and late money is always booked, never sent back by ourselves."""
    credit = AccountCredit.objects.create(
        account=account,
        payment=payment,
        currency=payment.currency,
        amount=amount,
        reason=f"More was paid than was open ({payment.reference})",
        created_at=at,
    )
    record(credit, "credit.kept", at=at, by=by, after={"amount": amount, "currency": credit.currency})
    open_issue(
        ReconciliationIssue.Kind.SURPLUS,
        f"{format_minor(amount, payment.currency)} of payment {payment.reference} was more than its invoices "
        "had open. It is kept as account credit. Tell the customer, or refund it at the provider.",
        session=payment.session,
        payment=payment,
        amount=amount,
        at=at,
    )


def _book_unassigned(
    session: PaymentSession, seen: Observation, wrong: list[str], *, at: datetime, by: Actor
) -> None:
    """Money that does not fit is recorded without an account, and staff are told."""
    payment, minor = None, nearest_minor(seen.amount) if seen.amount is not None else 0
    if seen.amount is not None and minor > 0:
        payment = new_payment(
            at=at,
            by=by,
            session=session,
            provider=session.provider,
            reference=seen.capture_reference,
            currency=seen.amount.currency.code,
            amount=minor,
            status=Payment.Status.UNASSIGNED,
            method=seen.method,
            method_details=seen.method_details,
            captured_at=at,
        )
    open_issue(
        ReconciliationIssue.Kind.MISMATCH,
        f"{session.provider.name} reports {seen.capture_reference} as captured, but {', and '.join(wrong)}. "
        f"{'It is booked as unassigned, and its' if payment else 'Its'} invoices are kept. "
        "Compare both sides at the provider.",
        session=session,
        payment=payment,
        amount=session.amount,
        at=at,
    )


def _keep_invoices(
    session: PaymentSession,
    covered: Sequence[PaymentCollectionInvoice],
    seen: Observation,
    *,
    at: datetime,
    by: Actor,
) -> None:
    """Money that does not fit keeps its invoices, so that nobody pays them a second time before staff have
    decided. Where they are closed or being paid already there is nothing to keep, and the session ends."""
    if is_claimable(covered):
        claim(session, covered, at=at, by=by)
    else:
        end = Status.CANCELLED
        move(session, end, at=at, by=by, ended_at=at, provider_status=seen.status, look_again_at=None)
