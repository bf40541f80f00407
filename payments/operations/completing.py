"""Claim, call, settle: the one way money is taken."""

from datetime import datetime
from uuid import uuid4

from accounts import operations as accounts
from core.audit import Actor, record
from core.errors import Conflict, NotFound
from core.money import from_minor
from core.transitions import move
from invoices import operations as invoices
from payments.models import PaymentCollection, PaymentCollectionInvoice, PaymentSession, ProviderCall
from payments.operations.booking import book_promise, differences
from payments.operations.claiming import claim, reload, require_claimable
from payments.operations.collecting import TAKEN
from payments.operations.opening import begin_open
from payments.operations.outcomes import PaymentOutcome, outcome_of
from payments.operations.settling import settle
from payments.providers import PROVIDERS
from payments.providers.base import (
    INSTRUMENT_DECLINED,
    Observation,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    State,
)

Status = PaymentSession.Status


def complete_payment(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentOutcome:
    """Take the money that the payer authorized, once, however often and from wherever it is asked.

    Refuses a session whose invoice was paid, cancelled or is being paid by another session. A decline is an
    answer: the session can be completed again with another card. A manual session becomes a promise.
    """
    claimed = _claim(session, at=at, by=by)
    if isinstance(claimed, PaymentOutcome):
        return claimed
    try:
        seen = PROVIDERS[session.provider.code].lookup(reference=session.reference)
    except ProviderForgot:
        # Only we capture, and this claim is the first to try: nothing was paid, and nothing can be any more.
        seen = Observation(state=State.FAILED, reference=session.reference, status="expired")
    except (ProviderUnavailable, ProviderRefused):
        seen = Observation(state=State.UNKNOWN, reference=session.reference)
    return settle(session=claimed.session, seen=_capture(claimed, seen, at=at), at=at, by=by)


def finish_payment(*, collection: PaymentCollection, comment: str, at: datetime, by: Actor) -> PaymentOutcome:
    """Complete what was chosen to pay a collection with. What the payer remarks is kept in the audit trail.
    Refuses a collection of which no way to pay was opened."""
    sessions = list(collection.sessions.in_order())
    chosen = next((one for one in sessions if one.is_selected and one.is_initiated), None)
    if chosen is None:
        raise Conflict("Choose how to pay first")
    outcome = complete_payment(session=chosen, at=at, by=by)
    if comment.strip():
        record(collection, "paymentcollection.remarked", at=at, by=by, reason=comment.strip()[:1000])
    return outcome


def look_at(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentOutcome:
    """See at the provider how a session stands and book what is seen: an authorized payment whose browser is
    gone is captured, a captured one is settled. Webhooks and reconciliation come here.

    A session that the provider forgot has failed, unless it is capturing: then nobody knows. One that had
    ended stays as it ended.
    """
    provider = PROVIDERS[session.provider.code]
    try:
        seen = provider.lookup(reference=session.reference)
    except ProviderForgot:
        if session.status == Status.CAPTURING:
            raise
        seen = Observation(state=State.FAILED, reference=session.reference, status="expired")
    if seen.state is State.CAPTURABLE and session.status == Status.INITIATED:
        if session.provider_status == INSTRUMENT_DECLINED:  # the payer's turn: nobody else charges it again
            seen = Observation(state=State.UNKNOWN, reference=session.reference)
        else:
            return complete_payment(session=session, at=at, by=by)
    elif seen.state is State.CAPTURABLE and session.status == Status.CAPTURING:
        call = _call_again(session, at=at)
        if call is not None:
            seen = _capture(call, seen, at=at)
    elif seen.state is State.CAPTURABLE:
        seen = provider.cancel(reference=session.reference, key=str(uuid4()))
    return settle(session=session, seen=seen, at=at, by=by)


def _call_again(session: PaymentSession, *, at: datetime) -> ProviderCall | None:
    """The capture call of a session that a lookup has just shown to be uncaptured; None when its claim was
    given back meanwhile. A key whose answer was lost is used again; one that was answered with a failure
    would only replay it, so there is a new one."""
    with accounts.locked_account(session.account_id):
        current, _ = reload(session)
        if (current.status, current.claimed_at) != (session.status, session.claimed_at):
            return None
        last = current.calls.filter(kind=ProviderCall.Kind.CAPTURE).last()
        return last if last is not None and last.answered_at is None else _capture_call(current, at=at)


def _claim(session: PaymentSession, *, at: datetime, by: Actor) -> PaymentOutcome | ProviderCall:
    """The call to make, written down and committed; or the answer, when there is nothing to call."""
    with accounts.locked_account(session.account_id):
        session, covered = reload(session)
        told = [item.invoice for item in covered]
        if session.provider.code not in PROVIDERS:
            raise NotFound(f"Unsupported payment provider: {session.provider.code}")
        promise = PROVIDERS[session.provider.code].is_promise
        if session.status not in ((Status.CREATED, Status.INITIATED) if promise else (Status.INITIATED,)):
            return outcome_of(session, told)
        require_claimable(covered)
        _require_first(session)
        if promise:
            return _promise(session, covered, at=at, by=by)
        claim(session, covered, at=at, by=by)
        return _capture_call(session, at=at)


def _require_first(session: PaymentSession) -> None:
    """What a collection covers is paid once: of a part of an invoice the open balance would not tell."""
    if session.collection.closed_at:
        raise Conflict("This payment is no longer possible")
    others = session.collection.sessions.exclude(pk=session.pk)
    if others.filter(status=Status.SUCCEEDED).exists():
        raise Conflict("This payment was made already")
    if others.filter(status__in=TAKEN).exists():
        raise Conflict("This payment is being made another way")


def _capture_call(session: PaymentSession, *, at: datetime) -> ProviderCall:
    return ProviderCall.objects.create(
        session=session,
        kind=ProviderCall.Kind.CAPTURE,
        parameters={"reference": session.reference, "amount": session.amount, "currency": session.currency},
        created_at=at,
    )


def _promise(
    session: PaymentSession, covered: list[PaymentCollectionInvoice], *, at: datetime, by: Actor
) -> PaymentOutcome:
    """A manual payment: reserved on its invoices until staff verify or reject it. Under the lock."""
    if session.status == Status.CREATED:
        begin_open(session, at=at, by=by)
    for item in covered:
        invoices.reserve(item.invoice, item.amount)
    move(session, Status.PENDING_VERIFICATION, at=at, by=by, payer_id=by.user_id, look_again_at=None)
    book_promise(session, at=at, by=by)
    return outcome_of(session, [item.invoice for item in covered])


def _capture(call: ProviderCall, seen: Observation, *, at: datetime) -> Observation:
    """Capture what a lookup showed to be capturable, with the call's own key. No transaction is open.

    A capture that was refused although the money is still capturable will be refused again: it is cancelled
    at the provider, and the payer begins anew.
    """
    session = call.session
    if seen.state is not State.CAPTURABLE or differences(session, seen):
        return seen
    provider, amount = PROVIDERS[session.provider.code], from_minor(session.amount, session.currency)
    try:
        seen = provider.capture(reference=session.reference, amount=amount, key=str(call.uuid))
        if seen.state is State.CAPTURABLE:
            seen = provider.cancel(reference=session.reference, key=str(uuid4()))
        elif seen.state is State.CAPTURED and differences(session, seen):
            seen = provider.lookup(reference=session.reference)  # what it took, asked once more
    except (ProviderUnavailable, ProviderRefused) as error:
        seen = Observation(state=State.UNKNOWN, reference=session.reference, status=type(error).__name__)
    ProviderCall.objects.filter(pk=call.pk).update(answered_at=at, outcome=seen.status)
    return seen
