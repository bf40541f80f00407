"""Opening a payment at its provider: the call is written down before it is made, and what it made after."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from accounts import operations as accounts
from accounts.models import Organization
from core.audit import Actor
from core.errors import Conflict
from core.money import format_minor, from_minor
from core.transitions import move
from payments.models import PaymentSession, ProviderCall
from payments.providers import PROVIDERS
from payments.providers.base import Opened, ProviderRefused, ProviderUnavailable

FIRST_LOOK = timedelta(minutes=2)


def initiate_session(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentSession:
    """Open one session of a collection at its provider, and select it."""
    with accounts.locked_account(session.account_id):
        current = PaymentSession.objects.select_related("provider", "collection", "account").get(
            pk=session.pk
        )
        if current.has_ended:
            raise Conflict("This payment is no longer possible")
        select(current)
        opened = begin_open(current, at=at, by=by)
    return opened if isinstance(opened, PaymentSession) else finish_open(current, opened, at=at, by=by)


def select(session: PaymentSession) -> None:
    is_it = Q(pk=session.pk)
    siblings = PaymentSession.objects.filter(collection=session.collection_id)
    siblings.filter(Q(is_selected=True) | is_it).update(is_selected=is_it)
    session.is_selected = True


def begin_open(
    session: PaymentSession, *, at: datetime, by: Actor, numbers: Sequence[str | None] = ()
) -> PaymentSession | ProviderCall:
    """The session, when nothing needs to be called; else the call to make, with its key. Under the lock.
    `numbers` are those of the invoices, where the caller knows them."""
    if session.reference:
        return session
    metadata = {**_metadata(session, numbers), "return_url": session.return_url}
    provider = PROVIDERS[session.provider.code]
    if provider.is_promise:
        made = provider.open(
            amount=from_minor(session.amount, session.currency), key="", metadata=metadata, return_url=""
        )
        return _opened(session, made, at=at, by=by)
    call = session.calls.filter(kind=ProviderCall.Kind.OPEN, answered_at=None).first()
    return call or ProviderCall.objects.create(
        session=session, kind=ProviderCall.Kind.OPEN, parameters=metadata, created_at=at
    )


def finish_open(session: PaymentSession, call: ProviderCall, *, at: datetime, by: Actor) -> PaymentSession:
    """Call the provider outside any transaction, then write down what it made. A failed opening moves no
    money, so the next try asks with a new key."""
    provider = PROVIDERS[session.provider.code]
    try:
        opened = provider.open(
            amount=from_minor(session.amount, session.currency),
            key=str(call.uuid),
            metadata=call.parameters,
            return_url=call.parameters["return_url"],
        )
    except (ProviderUnavailable, ProviderRefused) as error:
        ProviderCall.objects.filter(pk=call.pk).update(answered_at=at, outcome=type(error).__name__)
        raise Conflict(
            f"{provider.label} is not available right now. Try again or choose another method"
        ) from error
    with accounts.locked_account(session.account_id):
        ProviderCall.objects.filter(pk=call.pk).update(answered_at=at, outcome="opened")
        current = PaymentSession.objects.select_related("provider", "collection").get(pk=session.pk)
        if current.has_ended:
            raise Conflict("This payment is no longer possible")
        return current if current.reference else _opened(current, opened, at=at, by=by)


def _opened(session: PaymentSession, opened: Opened, *, at: datetime, by: Actor) -> PaymentSession:
    move(
        session,
        PaymentSession.Status.INITIATED,
        at=at,
        by=by,
        reference=opened.reference,
        data=opened.data,
        redirect_url=opened.redirect_url,
        payer_id=by.user_id,
        waiting_since=at,
        look_again_at=at + FIRST_LOOK,
    )
    return session


def _metadata(session: PaymentSession, numbers: Sequence[str | None]) -> dict[str, str]:
    """What the provider is told, and what the payer is asked to quote."""
    holder, legal_name = Organization.objects.values_list("bank_account_holder", "legal_name").get()
    numbers = numbers or list(session.collection.covered.values_list("invoice__number", flat=True))
    name = numbers[0] if len(numbers) == 1 else f"PAY-{session.collection_id}"
    return {
        "session": str(session.uuid),
        "account": str(session.account_id),
        "reference": f"{name}-{session.pk}",
        "description": session.collection.description,
        "payee": holder or legal_name,
        "total": format_minor(session.amount, session.currency),
    }
