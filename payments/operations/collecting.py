"""Before the money: which invoices a payment covers, and a session for each way to pay."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from accounts import operations as accounts
from accounts.models import Account, Organization, Region
from core.audit import Actor
from core.errors import Conflict, NotFound, Refusal
from core.money import format_minor, from_minor
from core.outbox import enqueue
from core.reading import Composed
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import (
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentProvider,
    PaymentSession,
    ProviderCall,
)
from payments.providers import PROVIDERS
from payments.providers.base import Opened, ProviderRefused, ProviderUnavailable

FIRST_LOOK = timedelta(minutes=2)
END_SESSION = "payments.end_session"

_installed = Composed(lambda region: PaymentProvider.objects.installed_in(region))
_invoice = Composed(lambda pk: Invoice.objects.filter(pk=pk))
_collections = Composed(lambda invoice: PaymentCollection.objects.for_invoice_alone(invoice))
_attempts = Composed(lambda pk: PaymentSession.objects.filter(collection=pk).in_order())


def create_payment_sessions(*, invoice: Invoice, at: datetime, by: Actor) -> PaymentCollection:
    """A collection over what is open on the invoice, with one session for each provider of its region.
    Asked again it answers the same; sessions that ended are replaced."""
    with accounts.locked_account(invoice.account_id) as account:
        return _collection_over(account, _invoice.get(invoice.pk), at=at)


def initiate_payment(*, invoice: Invoice, provider_code: str, at: datetime, by: Actor) -> PaymentSession:
    """Open the payment of an invoice at a provider, and select it. Asked again it answers the same session
    and the same provider object; after the open balance changed, a new session of a new collection."""
    with accounts.locked_account(invoice.account_id) as account:
        current = _invoice.get(invoice.pk)
        session = _session_of(_collection_over(account, current, at=at).attempts, provider_code)
        _select(session)
        opened = begin_open(session, numbers=[current.number], at=at, by=by)
    return opened if isinstance(opened, PaymentSession) else _open(session, opened, at=at, by=by)


def initiate_session(*, session: PaymentSession, at: datetime, by: Actor) -> PaymentSession:
    """Open one session of a collection at its provider, and select it."""
    with accounts.locked_account(session.account_id):
        current = PaymentSession.objects.select_related("provider", "collection", "account").get(
            pk=session.pk
        )
        if current.has_ended:
            raise Conflict("This payment is no longer possible")
        _select(current)
        opened = begin_open(current, at=at, by=by)
    return opened if isinstance(opened, PaymentSession) else _open(current, opened, at=at, by=by)


def change_method(
    *, collection: PaymentCollection, provider_code: str, at: datetime, by: Actor
) -> PaymentSession:
    """Open another way to pay what a collection covers, and select it. A session that ended is replaced;
    after the open balance of its only invoice changed, the session belongs to a new collection."""
    covered = collection.covered.select_related("invoice")[:2]
    if len(covered) == 1:
        return initiate_payment(invoice=covered[0].invoice, provider_code=provider_code, at=at, by=by)
    session = _session_of(collection.sessions.in_order(), provider_code)
    return initiate_session(session=session, at=at, by=by)


def offered_in(region_id: int | None) -> list[PaymentProvider]:
    """The ways to pay that customers of a region have now: installed there, known and configured."""
    return [
        provider
        for provider in _installed.all(region_id)
        if provider.code in PROVIDERS and PROVIDERS[provider.code].is_configured()
    ]


def choose_provider(*, invoice: Invoice, provider_id: int, at: datetime, by: Actor) -> PaymentCollection:
    """Select the session of one provider, without opening it."""
    with accounts.locked_account(invoice.account_id) as account:
        collection = _collection_over(account, _invoice.get(invoice.pk), at=at)
        provider = PaymentProvider.objects.filter(pk=provider_id).first()
        chosen = _session_of(collection.attempts, provider.code if provider else "")
        _select(chosen)
    for session in collection.attempts:
        session.is_selected = session is chosen
    return collection


def start_payment(
    *,
    account: Account,
    region: Region,
    line_item_ids: Sequence[int],
    form_key: UUID,
    at: datetime,
    by: Actor,
) -> PaymentCollection:
    """Bill charges of a region and make their payment, in one transaction; then open the first provider that
    answers. The same form key answers the same collection: pressed twice, made once."""
    with accounts.locked_account(account.pk) as locked:
        made = PaymentCollection.objects.filter(account=locked, form_key=form_key).first()
        if made:
            return made
        invoice = invoices.bill_line_items(
            account=locked, region=region, line_item_ids=line_item_ids, at=at, by=by
        )
        collection = _collection_over(locked, invoice, at=at)
        PaymentCollection.objects.filter(pk=collection.pk).update(form_key=form_key)
    for session in collection.attempts:
        try:
            initiate_session(session=session, at=at, by=by)
            break
        except Refusal:
            continue
    return collection


def _collection_over(account: Account, invoice: Invoice, *, at: datetime) -> PaymentCollection:
    """The collection over the invoice's open balance with its attempts, of which at least one is live; what
    is missing is made. Call under the account's lock."""
    require_payable(invoice)
    existing = _collections.all(invoice.pk)
    collection = next((one for one in existing if one.amount == invoice.open_balance), None)
    if collection is not None:
        collection.attempts = _attempts.all(collection.pk)
        if any(session.status in DECIDING for session in collection.attempts):
            collection = None  # it pays another part of the invoice
    if collection is None:
        _end_sessions_of(existing, at=at)
        collection = PaymentCollection.objects.create(
            account=account,
            currency=invoice.currency,
            amount=invoice.open_balance,
            description=f"Invoice {invoice.number}",
            created_at=at,
        )
        PaymentCollectionInvoice.objects.create(
            collection=collection, invoice=invoice, amount=invoice.open_balance
        )
        collection.attempts = []
    _add_missing_sessions(collection, invoice, at=at)
    for session in collection.attempts:
        session.collection, session.account = collection, account
    return collection


def _end_sessions_of(stale: Sequence[PaymentCollection], *, at: datetime) -> None:
    """What can still be opened over an amount that is open no more is ended at its provider."""
    if stale:
        for session in PaymentSession.objects.filter(collection__in=stale, status__in=OPENABLE):
            enqueue(END_SESSION, {"session": session.pk}, at=at)


DECIDING = (PaymentSession.Status.CAPTURING, PaymentSession.Status.PENDING_VERIFICATION)
OPENABLE = (PaymentSession.Status.CREATED, PaymentSession.Status.INITIATED)


def require_payable(invoice: Invoice) -> None:
    """Refuse an invoice on which nothing can be paid now, saying why."""
    if invoice.status == Invoice.Status.PAID:
        raise Conflict(f"Invoice {invoice.number} is already paid")
    if invoice.status != Invoice.Status.SENT:
        raise Conflict(f"Invoice {invoice.number} is {invoice.status}")
    if invoice.open_balance <= 0:
        raise Conflict(f"Invoice {invoice.number} is awaiting the result of a payment")


def _add_missing_sessions(collection: PaymentCollection, invoice: Invoice, *, at: datetime) -> None:
    offered = offered_in(invoice.region_id)
    if not offered:
        raise Conflict("No payment providers are available for this region")
    live = [session for session in collection.attempts if not session.has_ended]
    missing = [provider for provider in offered if provider.pk not in {one.provider_id for one in live}]
    selected = any(session.is_selected for session in live)
    collection.attempts += PaymentSession.objects.bulk_create(
        PaymentSession(
            collection=collection,
            account_id=collection.account_id,
            provider=provider,
            currency=collection.currency,
            amount=collection.amount,
            is_selected=not selected and position == 0,
            created_at=at,
        )
        for position, provider in enumerate(missing)
    )
    collection.attempts.sort(key=lambda session: (session.provider.position, session.pk))


def _session_of(sessions: Iterable[PaymentSession], provider_code: str) -> PaymentSession:
    live = (session for session in sessions if not session.has_ended)
    session = next((one for one in live if one.provider.code == provider_code), None)
    if session is None:
        raise NotFound("Payment provider not found or not installed", field="paymentProviderId")
    return session


def _select(session: PaymentSession) -> None:
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


def _open(session: PaymentSession, call: ProviderCall, *, at: datetime, by: Actor) -> PaymentSession:
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
