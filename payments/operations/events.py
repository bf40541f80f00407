"""The webhook inbox: verify, store once, answer; look and settle afterwards."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from core.audit import Actor
from core.errors import Conflict, NotFound
from core.outbox import enqueue
from payments.models import Payment, PaymentProvider, PaymentSession, ProviderEvent
from payments.operations.charging_back import DISPUTES, tell_disputed
from payments.operations.completing import look_at
from payments.operations.refunding import find_refunds
from payments.providers import PROVIDERS

EVENT = "payments.event"
PATIENCE = timedelta(hours=6)


class NoSessionYet(Exception):
    """The event overtook the transaction that stores its session's reference: it is tried again."""


def receive_event(*, provider_code: str, headers: Mapping[str, str], body: bytes, at: datetime) -> bool:
    """Store a webhook that its provider signed; answers whether it was new. Nothing unverified is stored:
    a wrong signature raises `BadSignature`."""
    row = PaymentProvider.objects.filter(code=provider_code).first()
    if row is None or provider_code not in PROVIDERS:
        raise NotFound("Payment provider not found or not installed")
    seen = PROVIDERS[provider_code].parse_webhook(headers=headers, body=body)
    with transaction.atomic():
        event, is_new = ProviderEvent.objects.get_or_create(
            provider=row,
            event_id=seen.event_id,
            defaults={
                "kind": seen.kind,
                "reference": seen.reference or seen.capture_reference,
                "received_at": at,
            },
        )
        if is_new:
            enqueue(EVENT, {"event": event.pk}, at=at)
    return is_new


def _look(session: PaymentSession, *, at: datetime, by: Actor) -> str:
    """How the session stands now, or why nothing can be done about it yet: reconciliation looks again, and
    what closes its invoice ends it."""
    try:
        return look_at(session=session, at=at, by=by).status
    except Conflict as refusal:
        return refusal.message[:200]


def _session_of(event: ProviderEvent) -> PaymentSession | None:
    """By what was opened, or by the capture that a refund or a dispute names."""
    named = Q(reference=event.reference) | Q(payments__reference=event.reference)
    sessions = PaymentSession.objects.filter(named, provider=event.provider)
    return sessions.select_related("provider", "collection").first() if event.reference else None


def _look_for_refunds(session: PaymentSession, *, at: datetime, by: Actor) -> None:
    for payment in Payment.objects.captured().filter(session=session):
        find_refunds(payment=payment, at=at, by=by)


def process_event(*, event_id: int, at: datetime) -> None:
    """Look up what a stored event points at, and book what is seen. Safe to run twice."""
    event = ProviderEvent.objects.select_related("provider").get(pk=event_id)
    if event.processed_at is not None:
        return
    session = _session_of(event)
    if session is not None:
        actor = Actor(kind="event", id=event.event_id, label=f"{event.provider.code} {event.kind}")
        outcome = _look(session, at=at, by=actor)
        if "refund" in event.kind.lower():
            _look_for_refunds(session, at=at, by=actor)
    if event.kind in DISPUTES and tell_disputed(provider=event.provider, reference=event.reference, at=at):
        outcome = "disputed"
    elif session is None:
        if event.reference and at - event.received_at < PATIENCE:
            raise NoSessionYet(event.reference)
        outcome = "no payment session of ours"
    ProviderEvent.objects.filter(pk=event.pk).update(processed_at=at, outcome=outcome)
