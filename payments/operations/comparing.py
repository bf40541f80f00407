"""The daily comparison of what a provider says moved with what we booked, in both directions. Whatever agrees
with nothing becomes a payment of nobody's or an issue, never silence."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from core.audit import SYSTEM, record
from core.errors import Conflict
from core.money import format_minor, from_minor, nearest_minor
from payments.models import (
    Comparison,
    Payment,
    PaymentProvider,
    PaymentSession,
    ReconciliationIssue,
    Refund,
)
from payments.operations.booking import written
from payments.operations.charging_back import charge_back, why_it_came_back
from payments.operations.completing import look_at
from payments.operations.issues import open_issue, tell_once
from payments.operations.refunding import find_refunds, tell_failed, tell_unbooked
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, ProviderUnavailable, State, Transaction

logger = logging.getLogger(__name__)
Kind = ReconciliationIssue.Kind
OVERLAP = timedelta(days=3)  # a report may show what moved only days later
LAG = timedelta(hours=6)  # what moved since then, a report need not show yet
FIRST = timedelta(days=31)


def compare(*, at: datetime) -> list[Comparison]:
    """Compare each provider that can be asked, from three days before the last comparison's end until now. A
    provider that does not answer is compared the next time, over the longer span. One whose list we cannot
    digest keeps no other from being compared, and fails the task. Running it again changes nothing."""
    made, failed = [], []
    for row in PaymentProvider.objects.filter(code__in=PROVIDERS):
        provider = PROVIDERS[row.code]
        if provider.is_promise or not provider.is_configured():
            continue
        try:
            made.append(_compare(row, at=at))
        except (ProviderUnavailable, ProviderRefused):
            logger.exception("compare.failed", extra={"provider": row.code})
        except Exception as error:
            logger.exception("compare.failed", extra={"provider": row.code})
            failed.append(error)
    if failed:
        raise failed[0]
    return made


def _compare(row: PaymentProvider, *, at: datetime) -> Comparison:
    """Captures first, as the alphabet has it: what went back of money that we did not know either is booked
    with it, and what came back of a chargeback after that."""
    last = row.comparisons.first()
    since = last.until - OVERLAP if last else at - FIRST
    theirs = sorted(PROVIDERS[row.code].transactions(since=since, until=at), key=lambda one: one.kind)
    differing = sum(_differs(row, one, at=at) for one in theirs)
    differing += _missing_payments(row, theirs, since=since, at=at)
    differing += _missing_refunds(row, theirs, since=since, at=at)
    return Comparison.objects.create(
        provider=row, since=since, until=at, compared=len(theirs), differing=differing, made_at=at
    )


def _differs(row: PaymentProvider, moved: Transaction, *, at: datetime) -> bool:
    """Whether this money was not in our books as it moved; afterwards it is, or staff know."""
    if moved.kind == "chargeback":
        return charge_back(row, moved, at=at)
    if moved.kind == "reinstated":
        return _reinstate(row, moved, at=at)
    payment = Payment.objects.filter(provider=row, reference=moved.capture_reference).first()
    if moved.kind == "refund":
        known = Refund.objects.filter(provider=row, reference=moved.reference).exists()
        if not known and payment is not None:
            _find_refund(payment, moved, at=at)
        elif not known:
            _tell_foreign(row, moved, at=at)
        return not known
    if payment is None:
        payment = _looked_up(row, moved, at=at)
        if payment is None:
            told = (
                f"{written(moved.amount)} moved at {row.name} as {moved.reference}, for no payment of ours. "
                "Assign it to an account, or send it back."
            )
            _book_unknown(row, moved, Kind.UNKNOWN, told, at=at)
        return True
    if from_minor(payment.amount, payment.currency) == moved.amount:
        return False
    tell_once(
        Kind.MISMATCH,
        f"{row.name} says that {written(moved.amount)} moved as {moved.reference}; we booked "
        f"{format_minor(payment.amount, payment.currency)}. Look it up at the provider.",
        payment=payment,
        amount=payment.amount,
        currency=payment.currency,
        at=at,
    )
    return True


def _find_refund(payment: Payment, moved: Transaction, *, at: datetime) -> None:
    """Book it, or tell staff: a refund that is not done yet may be done when no comparison sees it any more,
    and one that the provider will not show must not keep everything else from being compared. One of ours
    that is not done yet is looked at until it is."""
    try:
        find_refunds(payment=payment, at=at)
    except ProviderRefused:
        logger.warning("compare.refund_not_read", extra={"payment_id": payment.pk})
    booked = Refund.objects.filter(provider_id=payment.provider_id, reference=moved.reference)
    if not booked.exists() and not payment.refunds.unfinished().exists():
        tell_unbooked(payment, moved.reference, moved.amount, Refund.Kind.REFUND, at=at)


def _tell_foreign(row: PaymentProvider, moved: Transaction, *, at: datetime) -> None:
    """Of a refund whose capture we never had there is nothing to book: staff hear of it once."""
    minor, currency = nearest_minor(moved.amount), moved.amount.currency.code
    tell_once(
        Kind.UNKNOWN,
        f"{format_minor(minor, currency)} went back at {row.name} as {moved.reference}, of no payment "
        "of ours. Look it up at the provider.",
        currency=currency,
        amount=minor,
        at=at,
    )


def _looked_up(row: PaymentProvider, moved: Transaction, *, at: datetime) -> Payment | None:
    """The payment, after its session was looked at again: a capture whose session we had given up."""
    session = (
        PaymentSession.objects.filter(provider=row, reference__in=(moved.reference, moved.opened_reference))
        .exclude(reference="")
        .select_related("provider", "collection")
        .first()
    )
    if session is None:
        return None
    try:
        look_at(session=session, at=at, by=SYSTEM)
    except Conflict:
        logger.warning("compare.not_booked", extra={"session_id": session.pk})
    return Payment.objects.filter(provider=row, reference=moved.reference).first()


def _reinstate(row: PaymentProvider, moved: Transaction, *, at: datetime) -> bool:
    """What came back to us of a chargeback is nobody's until staff say so: its invoices may be paid again."""
    if Payment.objects.filter(provider=row, reference=moved.reference).exists():
        return False
    _book_unknown(row, moved, Kind.CHARGEBACK, why_it_came_back(row, moved), at=at)
    return True


@transaction.atomic
def _book_unknown(row: PaymentProvider, moved: Transaction, kind: str, known: str, *, at: datetime) -> None:
    """Money that came for no session of ours belongs to nobody until staff decide: they are told of it in the
    transaction that books it, for the next comparison knows it."""
    minor = nearest_minor(moved.amount)
    payment, is_new = Payment.objects.get_or_create(
        provider=row,
        reference=moved.reference,
        defaults={
            "currency": moved.amount.currency.code,
            "amount": minor,
            "status": Payment.Status.UNASSIGNED,
            "created_at": at,
            "captured_at": moved.at,
        },
    )
    if not is_new:
        return
    told = {"status": payment.status, "amount": minor, "currency": payment.currency}
    record(payment, "payment.unassigned", at=at, by=SYSTEM, after=told)
    open_issue(kind, known, payment=payment, amount=minor, currency=payment.currency, at=at)


def _missing_payments(
    row: PaymentProvider, theirs: Sequence[Transaction], *, since: datetime, at: datetime
) -> int:
    """What we booked as captured and the provider does not know, asked for one by one."""
    known = {one.reference for one in theirs if one.kind in ("capture", "reinstated")}
    booked = Payment.objects.filter(provider=row, captured_at__gte=since, captured_at__lte=at - LAG)
    missing = 0
    for payment in booked.exclude(reference__in=known).select_related("session"):
        if payment.session and _is_captured(payment):
            continue
        missing += 1
        _tell_missing(payment, f"payment {payment.reference}", payment.amount, at=at)
    return missing


def _is_captured(payment: Payment) -> bool:
    try:
        seen = PROVIDERS[payment.provider.code].lookup(reference=payment.session.reference)  # type: ignore[union-attr]
    except ProviderRefused:
        return False
    return seen.state is State.CAPTURED and seen.capture_reference == payment.reference


def _missing_refunds(
    row: PaymentProvider, theirs: Sequence[Transaction], *, since: datetime, at: datetime
) -> int:
    """Chargebacks are left out: they are in no list of refunds, and nobody here made one up."""
    known = {one.reference for one in theirs if one.kind != "capture"}
    done = Refund.objects.filter(
        kind=Refund.Kind.REFUND,
        provider=row,
        status=Refund.Status.DONE,
        ended_at__gte=since,
        ended_at__lte=at - LAG,
    )
    missing = 0
    for refund in done.exclude(reference__in=known).select_related("payment"):
        state = _state_of(refund)
        if state == "done":
            continue
        missing += 1
        if state == "failed":
            tell_failed(refund, at=at)
        else:
            _tell_missing(refund.payment, f"refund {refund.reference}", refund.amount, at=at)
    return missing


def _state_of(refund: Refund) -> str:
    """What the provider lists it as now; empty when it does not, or does not say."""
    try:
        listed = PROVIDERS[refund.provider.code].refunds(reference=refund.payment.reference)
    except ProviderRefused:
        return ""
    return next((one.state for one in listed if one.reference == refund.reference), "")


def _tell_missing(payment: Payment, what: str, amount: int, *, at: datetime) -> None:
    tell_once(
        Kind.MISSING,
        f"We booked {what} of {format_minor(amount, payment.currency)}; {payment.provider.name} does not "
        "know it. Look it up at the provider.",
        payment=payment,
        amount=amount,
        currency=payment.currency,
        at=at,
    )
