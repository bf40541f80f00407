"""A payer who came back from the provider, or presses a page that stood open for long."""

from datetime import datetime

from core.audit import Actor
from core.errors import Conflict
from payments.models import PaymentSession
from payments.operations.claiming import reload
from payments.operations.collecting import change_method
from payments.operations.completing import look_at
from payments.operations.outcomes import PaymentOutcome, outcome_of
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, ProviderUnavailable


def look_now(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentOutcome:
    """`look_at` for somebody who waits at a page: a provider that does not answer decides nothing, and
    another payment of the same invoice is told by that one's own state."""
    session, covered = reload(session)
    outcome = outcome_of(session, [item.invoice for item in covered])
    provider = PROVIDERS.get(session.provider.code)
    if not session.reference or session.has_ended or provider is None or provider.is_promise:
        return outcome
    try:
        return look_at(session=session, at=at, by=by)
    except (ProviderUnavailable, ProviderRefused, Conflict):
        return outcome


def renewed(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentSession:
    """The session as it stands at its provider now; when it ran out there, another one in its place. Refuses
    what `change_method` refuses."""
    look_now(session=session, at=at, by=by)
    return replaced(session=session, at=at, by=by)


def replaced(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentSession:
    """The session, or when it ended without money, a new one of the same provider for the same invoices."""
    current, _ = reload(session)
    if current.status not in (PaymentSession.Status.CANCELLED, PaymentSession.Status.FAILED):
        return current
    return change_method(collection=current.collection, provider_code=current.provider.code, at=at, by=by)
