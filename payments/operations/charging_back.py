"""Chargebacks: money of ours that a payer's bank took back, and the disputes that they come from. Booked as
what went back, without anybody's asking; staff hear of each."""

from datetime import datetime

from django.db.models import Q

from core.money import format_minor, nearest_minor
from payments.models import Payment, PaymentProvider, ReconciliationIssue, Refund
from payments.operations.booking import written
from payments.operations.issues import open_issue, tell_once
from payments.operations.refunding import book_found, held, pursue, tell_unbooked
from payments.providers.base import Refunded, Transaction

DISPUTES = ("charge.dispute.created", "CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED")


def tell_disputed(*, provider: PaymentProvider, reference: str, at: datetime) -> bool:
    """Staff must answer a dispute before a deadline of the provider's. Answers whether it was of a payment of
    ours, by its own reference or by that of what was opened. Told once while the issue is open."""
    about = Q(reference=reference) | Q(session__reference=reference)
    payments = list(Payment.objects.filter(about, provider=provider)) if reference else []
    for payment in payments:
        total = format_minor(payment.amount, payment.currency)
        with held(payment):
            open_issue(
                ReconciliationIssue.Kind.DISPUTE,
                f"The payer disputes payment {payment.reference} of {total}, or a part of it. Answer at "
                f"{provider.name} before its deadline, or the money is lost. What is taken back is booked by "
                "the daily comparison.",
                payment=payment,
                amount=payment.amount,
                currency=payment.currency,
                at=at,
            )
    return bool(payments)


def charged(row: PaymentProvider, reference: str) -> Payment | None:
    """The payment that a chargeback is of. Its way back may name the chargeback in place of the capture."""
    about = Q(reference=reference) | Q(refunds__reference=reference)
    return Payment.objects.filter(about, provider=row).first() if reference else None


def charge_back(row: PaymentProvider, moved: Transaction, *, at: datetime) -> bool:
    """Book a chargeback once, or tell staff why it is not booked; answers whether it was not in our books.
    Refunds of ours are brought to their end first: they had room when they were asked for."""
    if Refund.objects.filter(provider=row, reference=moved.reference).exists():
        return False
    payment = charged(row, moved.capture_reference)
    if payment is None:
        _tell_foreign(row, moved, at=at)
        return True
    for refund in payment.refunds.unfinished():
        pursue(refund=refund, at=at)
    if moved.amount.currency.code == payment.currency:
        seen = Refunded(moved.reference, moved.amount, "done")
        book_found(payment, seen, Refund.Kind.CHARGEBACK, at=at)
    else:
        tell_unbooked(payment, moved.reference, moved.amount, Refund.Kind.CHARGEBACK, at=at)
    return True


def _tell_foreign(row: PaymentProvider, moved: Transaction, *, at: datetime) -> None:
    tell_once(
        ReconciliationIssue.Kind.CHARGEBACK,
        f"A payer's bank took {written(moved.amount)} back at {row.name} as {moved.reference}, of no payment "
        "of ours. Look it up at the provider.",
        amount=nearest_minor(moved.amount),
        currency=moved.amount.currency.code,
        at=at,
    )


def why_it_came_back(row: PaymentProvider, moved: Transaction) -> str:
    """What staff are told of a chargeback that was decided for us."""
    payment = charged(row, moved.capture_reference)
    amount = written(moved.amount)
    if payment is None:
        return (
            f"{amount} came back at {row.name} as {moved.reference}: a chargeback was decided for us, of no "
            "payment of ours. Look it up at the provider, and assign it to an account."
        )
    advice = (
        f"Assign it to account {payment.account.number}." if payment.account else "Assign it to its account."
    )
    if payment.charged_back == 0:
        advice = "That chargeback was not booked, so the customer is owed nothing: leave it unassigned."
    return (
        f"{amount} came back at {row.name} as {moved.reference}: the chargeback of payment "
        f"{payment.reference} was decided for us. {advice}"
    )
