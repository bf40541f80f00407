"""Reconciliation: whatever died, went silent or was lost is looked up and brought to its end."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.db import DatabaseError

from accounts import operations as accounts
from core.audit import SYSTEM
from core.errors import Conflict
from core.outbox import OutboxMessage, drain, enqueue
from core.transitions import move
from invoices.models import Invoice
from payments.models import PaymentSession, ProviderCall, ProviderEvent, Refund
from payments.operations.claiming import LOOKS, reload
from payments.operations.collecting import OPENABLE
from payments.operations.completing import look_at
from payments.operations.events import EVENT
from payments.operations.refunding import pursue
from payments.operations.settling import settle
from payments.providers import PROVIDERS
from payments.providers.base import (
    Observation,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    State,
)

logger = logging.getLogger(__name__)
Status = PaymentSession.Status
GIVE_UP = timedelta(days=3)


@dataclass(frozen=True)
class Reconciled:
    """What one pass did: sessions looked at, how many of them ended, how many could not be looked up; refunds
    that were pursued."""

    looked_at: int
    ended: int
    unreachable: int
    refunds: int = 0


class StillLive(Exception):
    """The provider has not ended a session that must end: the outbox tries again."""


def reconcile(*, at: datetime, everything: bool = False) -> Reconciled:
    """Look at every session and refund that is due (or at `everything` unfinished), then deliver what waits
    in the outbox, webhooks that nobody processed among it. A second pass changes nothing."""
    sessions = PaymentSession.objects.unfinished_at_provider()
    if not everything:
        sessions = sessions.due_for_reconciliation(at=at)
    asked = [code for code, provider in PROVIDERS.items() if not provider.is_promise]
    looked, ended, unreachable, begun = 0, 0, 0, monotonic()
    for pk in list(sessions.filter(provider__code__in=asked).values_list("pk", flat=True)):
        session = PaymentSession.objects.select_related("provider", "collection").get(pk=pk)
        looked += 1
        try:
            look_at(session=session, at=at, by=SYSTEM)
        except Conflict:  # another payment of its invoice is being decided
            _later(session, at=at)
        except Exception:
            unreachable += 1
            logger.exception("reconcile.failed", extra={"session_id": pk})
            with suppress(DatabaseError):  # its account is locked: the next pass comes in a minute
                _later(session, at=at)
        else:
            ended += PaymentSession.objects.filter(pk=pk, status__in=PaymentSession.ENDS).exists()
    refunds = _pursue_refunds(at=at, everything=everything)
    _resend_events(at=at)
    drain(at=at, begun=begun)
    return Reconciled(looked, ended, unreachable, refunds)


def _pursue_refunds(*, at: datetime, everything: bool) -> int:
    """Refunds that a crash or a silent provider left unfinished."""
    rows = Refund.objects.all()
    due = list(rows.unfinished() if everything else rows.due_for_reconciliation(at=at))
    for refund in due:
        try:
            pursue(refund=refund, at=at)
        except Exception:
            logger.exception("reconcile.refund_failed", extra={"refund_id": refund.pk})
    return len(due)


def _resend_events(*, at: datetime) -> None:
    """Webhooks whose message was given up by the outbox are tried again, for as long as they may matter."""
    forgotten = ProviderEvent.objects.filter(
        processed_at=None, received_at__lte=at - LOOKS[-1], received_at__gt=at - GIVE_UP
    )
    waiting = OutboxMessage.objects.filter(kind=EVENT, status__in=("waiting", "working"))
    told = {payload["event"] for payload in waiting.values_list("payload", flat=True)}
    for event in forgotten.exclude(pk__in=told):
        enqueue(EVENT, {"event": event.pk}, at=at)


def _later(session: PaymentSession, *, at: datetime) -> None:
    """Book that nobody answered, so that the next look comes later and staff learn of a long silence."""
    silence = Observation(state=State.UNKNOWN, reference=session.reference)
    settle(session=session, seen=silence, at=at, by=SYSTEM)


def end_sessions_of_invoice(*, invoice: Invoice, at: datetime) -> None:
    """End the sessions that are still open on an invoice that was paid or cancelled: each is tried, then the
    outbox is told if one must be tried again."""
    open_sessions = PaymentSession.objects.filter(
        collection__covered__invoice=invoice, status__in=OPENABLE
    ).select_related("provider", "collection")
    failed = []
    for session in open_sessions:
        try:
            end_session(session=session, at=at)
        except (StillLive, ProviderUnavailable, ProviderRefused) as error:
            failed.append(error)
    if failed:
        raise failed[0]


def end_session(*, session: PaymentSession, at: datetime) -> None:
    """Make sure that a session takes no money any more. Money that it took already is booked."""
    if session.status not in OPENABLE:
        return
    provider = PROVIDERS.get(session.provider.code)
    if not session.reference or provider is None or provider.is_promise:
        with accounts.locked_account(session.account_id):
            current, _ = reload(session)
            if current.status in OPENABLE:
                move(current, Status.CANCELLED, at=at, by=SYSTEM, ended_at=at, look_again_at=None)
        return
    call = ProviderCall.objects.create(
        session=session,
        kind=ProviderCall.Kind.CANCEL,
        parameters={"reference": session.reference},
        created_at=at,
    )
    try:
        seen = provider.cancel(reference=session.reference, key=str(call.uuid))
    except ProviderForgot:
        seen = Observation(state=State.FAILED, reference=session.reference, status="expired")
    ProviderCall.objects.filter(pk=call.pk).update(answered_at=at, outcome=seen.status)
    settle(session=session, seen=seen, at=at, by=SYSTEM)
    if PaymentSession.objects.live().filter(pk=session.pk).exists():
        raise StillLive(session.pk)
