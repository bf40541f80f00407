"""Sending money back: reserved first, asked for by one uuid, booked once the provider has done it.

Reserved under the account's lock, so that several refunds together never exceed what was captured. The
provider is looked at before it is asked: a refund whose answer was lost is found there by its uuid.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import SYSTEM, Actor, record
from core.errors import Conflict, Invalid
from core.money import format_minor, from_minor, nearest_minor
from core.outbox import enqueue
from core.transitions import move
from payments.models import Payment, ReconciliationIssue, Refund
from payments.operations.booking import written
from payments.operations.claiming import LOOKS
from payments.operations.issues import close_refund_issues, open_issue, tell_once
from payments.operations.taking_back import take_back
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, ProviderUnavailable, Refunded

PERMISSION = "payments.refund_payment"
REFUNDED = "payments.refunded"
Kind, Status = Refund.Kind, Refund.Status
FOUND = {Kind.REFUND: "Refunded at the provider", Kind.CHARGEBACK: "Taken back by the payer's bank"}
PATIENCE = LOOKS[2]
REFUNDABLE = (Payment.Status.CAPTURED, Payment.Status.PARTIALLY_REFUNDED, Payment.Status.UNASSIGNED)


def refund_payment(
    *,
    payment: Payment,
    amount: int,
    reason: str,
    at: datetime,
    staff: User,
    known_left: int | None = None,
    confirmed_amount: int | None = None,
) -> Refund:
    """Send `amount` minor units of a captured payment back, and answer how that stands: done, failed, or
    requested when the provider has not decided. Unassigned money goes back whole. What came by bank transfer
    staff send back themselves, before they book it here.

    Refuses staff without the permission, a missing reason, more than is left of what was captured, and above
    the organization's limit an amount that was not typed again (`confirmed_amount`, minor units). With
    `known_left`, what staff saw that was left, also when that is no longer so: asked twice, sent once.
    """
    reason = accounts.required(reason)
    with held(payment) as account:
        left = refundable(payment=payment, staff=staff)
        if known_left is not None and known_left != left:
            raise Conflict(f"Something of payment {payment.reference} was sent back meanwhile. Look again")
        if not 0 < amount <= left:
            most = format_minor(left, payment.currency)
            raise Invalid(f"Enter an amount of at most {most}", field="amount")
        if account is None and amount != left:
            raise Invalid("Unassigned money goes back whole", field="amount")
        accounts.require_confirmed(
            amount=amount, confirmed_amount=confirmed_amount, currency=payment.currency
        )
        refund = Refund.objects.create(
            payment=payment,
            provider_id=payment.provider_id,
            currency=payment.currency,
            amount=amount,
            reason=reason,
            staff=staff,
            created_at=at,
            look_again_at=at + LOOKS[0],
        )
        told = {"status": refund.status, "amount": amount, "currency": refund.currency}
        record(refund, "refund.reserved", at=at, by=staff.actor, after=told, reason=reason)
    return pursue(refund=refund, at=at, by=staff.actor)


def refundable(*, payment: Payment, staff: User) -> int:
    """How much can still be sent back, in minor units, if this member of staff may do it. The operation asks
    under the lock; the page that asks before shows the refusal in place of its button."""
    accounts.acting(staff, PERMISSION)
    current = Payment.objects.get(pk=payment.pk)
    left = left_of(current)
    if current.status not in REFUNDABLE or left <= 0:
        raise Conflict(f"Nothing of payment {current.reference} can be sent back")
    return left


def left_of(payment: Payment) -> int:
    """What was captured less the refunds that did not fail."""
    taken = payment.refunds.counting().aggregate(total=Sum("amount"))["total"] or 0
    return payment.amount - taken


@contextmanager
def held(payment: Payment) -> Iterator[Account | None]:
    """A short transaction that holds the payment and the account that it belongs to now, if it has one. Staff
    may assign nobody's money between the look at whose it is and the lock: then it is looked at again."""
    while True:
        owner = Payment.objects.values_list("account_id", flat=True).get(pk=payment.pk)
        with transaction.atomic(durable=True) if owner is None else accounts.locked_account(owner) as account:
            if Payment.objects.select_for_update().get(pk=payment.pk).account_id == owner:
                yield account
                return


def pursue(*, refund: Refund, at: datetime, by: Actor = SYSTEM) -> Refund:
    """Bring a refund to its end, from wherever it stands. Safe to run twice, and after a crash."""
    refund = Refund.objects.select_related("payment__session", "provider").get(pk=refund.pk)
    if refund.status == Status.RESERVED:
        with held(refund.payment):
            refund.refresh_from_db(fields=["status"])
            if refund.status == Status.RESERVED:  # nobody else pursued it meanwhile
                move(refund, Status.REQUESTED, at=at, by=by)
    if refund.status != Status.REQUESTED:
        return refund
    try:
        seen = _asked(refund)
    except (ProviderRefused, Invalid) as error:  # or an amount that the provider has no way to write
        seen = Refunded(reference="", amount=_amount(refund), state="failed")
        return settle_refund(refund=refund, seen=seen, outcome=str(error), at=at, by=by)
    except ProviderUnavailable as error:
        return _look_again(refund, str(error), at=at)
    if seen.state == "pending":
        return _look_again(refund, "pending", at=at)
    return settle_refund(refund=refund, seen=seen, outcome=seen.state, at=at, by=by)


def _asked(refund: Refund) -> Refunded:
    """The refund at its provider: found by its uuid, or else asked for, with the uuid as its key."""
    provider, key = PROVIDERS[refund.provider.code], str(refund.uuid)
    if provider.is_promise:
        return Refunded(reference=f"REFUND-{refund.pk}", amount=_amount(refund), state="done", key=key)
    made = _found(refund)
    if made is not None:
        return made
    try:
        return provider.refund(reference=refund.payment.reference, amount=_amount(refund), key=key)
    except ProviderRefused:
        made = _found(refund)  # an earlier question of ours may have arrived meanwhile
        if made is None:
            raise
        return made


def _found(refund: Refund) -> Refunded | None:
    provider = PROVIDERS[refund.provider.code]
    try:
        known = provider.refunds(reference=refund.payment.reference)
    except ProviderRefused as error:  # not an answer about this refund
        raise ProviderUnavailable(str(error)) from error
    return next((one for one in known if one.key == str(refund.uuid)), None)


def _amount(refund: Refund) -> Money:
    return from_minor(refund.amount, refund.currency)


def settle_refund(*, refund: Refund, seen: Refunded, outcome: str, at: datetime, by: Actor) -> Refund:
    """Book what was seen of a refund, once, under the lock: done takes the money back from credit and
    invoices, failed gives the reservation back. Another amount than ours is left to staff."""
    with held(refund.payment) as account:
        return _settled(refund, account, seen, outcome, at=at, by=by)


def _settled(
    refund: Refund, account: Account | None, seen: Refunded, outcome: str, *, at: datetime, by: Actor
) -> Refund:
    """Under the lock."""
    current = Refund.objects.select_related("payment", "provider").get(pk=refund.pk)
    if current.status != Status.REQUESTED:
        return current
    if seen.state == "failed":
        move(current, Status.FAILED, at=at, by=by, ended_at=at, outcome=outcome[:200], look_again_at=None)
        close_refund_issues(current, at=at)
        _tell_staff(current, f"the provider did not send it back ({outcome}).", at=at)
    elif seen.amount != _amount(current):
        Refund.objects.filter(pk=current.pk).update(look_again_at=_next_look(current, at=at))
        _tell_staff(current, f"the provider sent {written(seen.amount)} back instead.", at=at)
    else:
        _book(current, account, seen, at=at, by=by)
    return current


def _book(refund: Refund, account: Account | None, seen: Refunded, *, at: datetime, by: Actor) -> None:
    payment = refund.payment
    credit = take_back(refund, account, at=at, by=by) if account else 0
    move(
        refund,
        Status.DONE,
        at=at,
        by=by,
        reference=seen.reference,
        credit_amount=credit,
        ended_at=at,
        outcome="done",
        look_again_at=None,
    )
    done = payment.refunds.filter(status=Status.DONE).aggregate(total=Sum("amount"))["total"]
    if done == payment.amount:
        move(payment, Payment.Status.REFUNDED, at=at, by=by)
    elif payment.status == Payment.Status.CAPTURED:
        move(payment, Payment.Status.PARTIALLY_REFUNDED, at=at, by=by)
    close_refund_issues(refund, at=at)
    if refund.kind == Kind.REFUND:  # of a chargeback the payer knows: we sent them nothing
        enqueue(REFUNDED, {"refund": refund.pk}, at=at)


def _look_again(refund: Refund, word: str, *, at: datetime) -> Refund:
    """Nobody knows yet: look again later, ever more rarely, and tell staff when it takes too long."""
    Refund.objects.filter(pk=refund.pk, status=Status.REQUESTED).update(
        look_again_at=_next_look(refund, at=at), outcome=word[:200]
    )
    refund.refresh_from_db()
    if refund.status == Status.REQUESTED and at - refund.created_at >= PATIENCE:
        _tell_staff(refund, f"the provider has not decided (last word: {word}). We keep asking.", at=at)
    return refund


def _next_look(refund: Refund, *, at: datetime) -> datetime:
    since = refund.created_at
    return next((since + look for look in LOOKS if since + look > at), at + timedelta(days=1))


def _tell_staff(refund: Refund, what: str, *, at: datetime) -> None:
    total = format_minor(refund.amount, refund.currency)
    open_issue(
        ReconciliationIssue.Kind.REFUND,
        f"Refund of {total} of payment {refund.payment.reference}: {what} Look it up at the provider.",
        payment=refund.payment,
        amount=refund.amount,
        currency=refund.currency,
        at=at,
    )


def find_refunds(*, payment: Payment, at: datetime, by: Actor = SYSTEM) -> int:
    """Book the refunds of a payment that were made at its provider without us, and tell staff; answers how
    many there were. Those of ours are brought to their end first. One that failed after it was booked
    as done, because the payer's bank sent it back, is told to staff."""
    for refund in payment.refunds.unfinished():
        pursue(refund=refund, at=at, by=by)
    found = 0
    for seen in PROVIDERS[payment.provider.code].refunds(reference=payment.reference):
        if seen.state == "failed":
            for refund in payment.refunds.filter(reference=seen.reference, status=Status.DONE):
                tell_failed(refund, at=at)
        elif seen.state == "done" and _is_new(payment, seen) and nearest_minor(seen.amount) > 0:
            found += book_found(payment, seen, Kind.REFUND, at=at, by=by)
    return found


def tell_failed(refund: Refund, *, at: datetime) -> None:
    """Of a refund that failed after it was booked as done staff hear once, whoever sees it first."""
    total = format_minor(refund.amount, refund.currency)
    tell_once(
        ReconciliationIssue.Kind.MISSING,
        f"Refund {refund.reference} of {total} of payment {refund.payment.reference} was done and failed "
        "afterwards: the money came back to us, and the customer does not have it. Look it up at the "
        "provider.",
        payment=refund.payment,
        amount=refund.amount,
        currency=refund.currency,
        at=at,
    )


def tell_unbooked(
    payment: Payment, reference: str, amount: Money, kind: Refund.Kind, *, at: datetime
) -> None:
    """Of what is not booked though it went back staff hear once."""
    minor, currency = nearest_minor(amount), amount.currency.code
    told, where = format_minor(minor, currency), f"at {payment.provider.name} as {reference}"
    if kind == Kind.CHARGEBACK:
        issue = ReconciliationIssue.Kind.CHARGEBACK
        known = (
            f"The payer's bank took {told} of payment {payment.reference} back, {where}: a chargeback. It is "
            "not booked: it is more than was left, or in another currency. Look it up at the provider."
        )
    else:
        issue = ReconciliationIssue.Kind.UNKNOWN
        known = (
            f"{told} went back {where}, of payment {payment.reference}. It is not booked: it is not done "
            "yet, it cannot be read, or it is more than was left. Look it up at the provider."
        )
    tell_once(issue, known, payment=payment, amount=minor, currency=currency, at=at)


def _tell_booked(refund: Refund, reference: str, *, at: datetime) -> None:
    payment, told = refund.payment, format_minor(refund.amount, refund.currency)
    if refund.kind == Kind.CHARGEBACK:
        issue = ReconciliationIssue.Kind.CHARGEBACK
        known = (
            f"The payer's bank took {told} of payment {payment.reference} back, at {payment.provider.name} "
            f"as {reference}: a chargeback. It is booked, and what it had paid is open again. Answer the "
            "dispute at the provider before its deadline, or ask the customer to pay again."
        )
    else:
        issue = ReconciliationIssue.Kind.UNKNOWN
        known = (
            f"Refund {reference} of {told} of payment {payment.reference}: it was made at the provider, not "
            "here. It is booked. Look it up at the provider."
        )
    tell_once(issue, known, payment=payment, amount=refund.amount, currency=refund.currency, at=at)


def _is_new(payment: Payment, seen: Refunded) -> bool:
    if Refund.objects.filter(provider_id=payment.provider_id, reference=seen.reference).exists():
        return False
    return seen.key not in {str(one) for one in payment.refunds.values_list("uuid", flat=True)}


def book_found(
    payment: Payment, seen: Refunded, kind: Refund.Kind, *, at: datetime, by: Actor = SYSTEM
) -> bool:
    """In one transaction: a refund of somebody else's that was left unfinished would be asked for again.
    More than is left of the payment, as after a refund that failed when it was done, is told, not booked.
    A chargeback leaves room for refunds on their way, which the provider may still do."""
    amount = nearest_minor(seen.amount)
    seen = replace(seen, amount=from_minor(amount, payment.currency))
    with held(payment) as account:
        if not _is_new(payment, seen):
            return False
        done = payment.refunds.filter(status=Status.DONE).aggregate(total=Sum("amount"))["total"] or 0
        left = left_of(payment) if kind == Kind.CHARGEBACK else payment.amount - done
        if amount <= 0 or amount > left:
            tell_unbooked(payment, seen.reference, seen.amount, kind, at=at)
            return False
        refund = Refund.objects.create(
            kind=kind,
            payment=payment,
            provider_id=payment.provider_id,
            currency=payment.currency,
            amount=amount,
            status=Status.REQUESTED,
            reason=FOUND[kind],
            created_at=at,
        )
        told = {"status": refund.status, "amount": amount, "currency": refund.currency, "kind": kind}
        record(refund, "refund.found", at=at, by=by, after=told)
        _settled(refund, account, seen, "done", at=at, by=by)
        _tell_booked(refund, seen.reference, at=at)
        return True
