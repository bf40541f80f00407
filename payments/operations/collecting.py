"""Before the money: which invoices a payment covers, and a session for each way to pay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import operations as accounts
from accounts.models import Account, Region
from core.audit import Actor
from core.errors import Conflict, Invalid, NotFound, Refusal
from core.money import format_minor
from core.outbox import enqueue
from core.reading import Composed
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import (
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentProvider,
    PaymentSession,
)
from payments.operations.opening import begin_open, finish_open, initiate_session, select
from payments.providers import PROVIDERS

END_SESSION = "payments.end_session"
MOST_INVOICES = 100

_installed = Composed(lambda region: PaymentProvider.objects.installed_in(region))
_invoice = Composed(lambda pk: Invoice.objects.filter(pk=pk))
_collections = Composed(lambda invoice: PaymentCollection.objects.for_invoice_alone(invoice))
_attempts = Composed(lambda pk: PaymentSession.objects.filter(collection=pk).in_order())


@dataclass(frozen=True)
class Share:
    """How much of an invoice is to be paid, in minor units of its currency."""

    invoice: Invoice
    amount: int


def share_of(invoice: Invoice, text: str, *, read: Callable[[str, str], int]) -> Share:
    """A part of an invoice as somebody wrote it, in major units. Refuses what cannot be read, naming it."""
    try:
        return Share(invoice, read(text, invoice.currency))
    except Invalid as refusal:
        raise Invalid(f"Invoice {invoice.number}: {refusal.message}", field="lineItems") from None


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
        select(session)
        opened = begin_open(session, numbers=[current.number], at=at, by=by)
    return opened if isinstance(opened, PaymentSession) else finish_open(session, opened, at=at, by=by)


def change_method(
    *, collection: PaymentCollection, provider_code: str, at: datetime, by: Actor
) -> PaymentSession:
    """Open another way to pay what a collection covers, and select it. A session that ended is replaced.
    Where less is open now than it covers, the session belongs to a new collection over what is left. Refuses
    a collection that was paid or is being paid, and one of which nothing is open any more."""
    with accounts.locked_account(collection.account_id) as account:
        current = _over_what_is_left(account, collection, at=at)
        session = _session_of(current.attempts, provider_code)
        select(session)
        opened = begin_open(session, at=at, by=by)
    return opened if isinstance(opened, PaymentSession) else finish_open(session, opened, at=at, by=by)


def offered_in(region_id: int | None) -> list[PaymentProvider]:
    """The ways to pay that customers of a region have now: installed there, known and configured."""
    return [
        provider
        for provider in _installed.all(region_id)
        if provider.code in PROVIDERS and PROVIDERS[provider.code].is_configured()
    ]


def offered_anywhere() -> list[PaymentProvider]:
    """The ways to pay that customers of some region have now."""
    installed = PaymentProvider.objects.filter(is_installed=True, regions__isnull=False).distinct()
    return [one for one in installed if one.code in PROVIDERS and PROVIDERS[one.code].is_configured()]


def offered_for(invoices: Sequence[Invoice]) -> list[PaymentProvider]:
    """The ways to pay several invoices at once: those of all their regions."""
    first, *others = dict.fromkeys(invoice.region_id for invoice in invoices)
    elsewhere = [{one.pk for one in offered_in(region)} for region in others]
    return [one for one in offered_in(first) if all(one.pk in there for there in elsewhere)]


def choose_provider(*, invoice: Invoice, provider_id: int, at: datetime, by: Actor) -> PaymentCollection:
    """Select the session of one provider, without opening it."""
    with accounts.locked_account(invoice.account_id) as account:
        collection = _collection_over(account, _invoice.get(invoice.pk), at=at)
        provider = PaymentProvider.objects.filter(pk=provider_id).first()
        chosen = _session_of(collection.attempts, provider.code if provider else "")
        select(chosen)
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
    open_first(collection=collection, at=at, by=by)
    return collection


def open_first(*, collection: PaymentCollection, at: datetime, by: Actor) -> None:
    """Open the first way to pay whose provider answers, so that the payment's page shows it. Not when one
    was opened already."""
    sessions = list(collection.sessions.in_order())
    if any(session.is_initiated for session in sessions):
        return
    for session in sessions:
        try:
            initiate_session(session=session, at=at, by=by)
            break
        except Refusal:
            continue


def start_joint_payment(
    *,
    account: Account,
    currency: str,
    shares: Sequence[Share],
    at: datetime,
    by: Actor,
    form_key: UUID | None = None,
) -> PaymentCollection:
    """One payment for several invoices of an account, of each the amount that is asked for. All or nothing:
    refused, naming the invoice, when one is another company's, in another currency, closed, named twice, or
    has less open than is asked for. The same form key answers the same collection."""
    with accounts.locked_account(account.pk) as locked:
        made = form_key and PaymentCollection.objects.filter(account=locked, form_key=form_key).first()
        if made:
            return made
        asked = _checked(locked, currency, shares)
        invoice, amount = asked[0]
        if len(asked) == 1 and amount == invoice.open_balance:
            return _collection_over(locked, invoice, at=at)
        return _with_attempts(locked, _make(locked, asked, at=at, form_key=form_key), asked, at=at)


def _checked(account: Account, currency: str, shares: Sequence[Share]) -> list[tuple[Invoice, int]]:
    if not shares:
        raise Invalid("Select at least one invoice", field="lineItems")
    if len(shares) > MOST_INVOICES:
        raise Invalid(f"Pay at most {MOST_INVOICES} invoices at once", field="lineItems")
    current = Invoice.objects.issued().in_bulk([one.invoice.pk for one in shares])
    asked: list[tuple[Invoice, int]] = []
    for share in shares:
        invoice = current.pop(share.invoice.pk, None)
        if invoice is None:
            raise Invalid(f"Invoice {share.invoice.number} is named twice", field="lineItems")
        if invoice.account_id != account.pk:
            raise Invalid(
                f"Invoice {invoice.number} is another company's: pay it on its own", field="lineItems"
            )
        asked.append((invoice, payable_part(invoice, share.amount, currency)))
    return asked


def payable_part(invoice: Invoice, amount: int, currency: str) -> int:
    """The part of an invoice that is asked for, if it can be paid now."""
    require_payable(invoice)
    if invoice.currency != currency:
        raise Invalid(
            f"Invoice {invoice.number} is in {invoice.currency}, not in {currency}", field="currency"
        )
    if amount <= 0:
        raise Invalid(f"Invoice {invoice.number}: Payment amount must be positive", field="lineItems")
    if amount > invoice.open_balance:
        most = format_minor(invoice.open_balance, currency)
        raise Invalid(
            f"Invoice {invoice.number}: Payment amount cannot exceed outstanding balance of {most}",
            field="lineItems",
        )
    return amount


def over(account: Account, asked: Sequence[tuple[Invoice, int]], *, at: datetime) -> PaymentCollection:
    """The payment of these parts. Call under the account's lock."""
    invoice, amount = asked[0]
    if len(asked) == 1 and amount == invoice.open_balance:
        return _collection_over(account, invoice, at=at)
    return _with_attempts(account, _make(account, asked, at=at), asked, at=at)


def _collection_over(account: Account, invoice: Invoice, *, at: datetime) -> PaymentCollection:
    """The collection over the invoice's open balance with its attempts, of which at least one is live; what
    is missing is made. Call under the account's lock."""
    require_payable(invoice)
    existing = _collections.all(invoice.pk)
    asked = [(invoice, invoice.open_balance)]
    usable = (one for one in existing if one.closed_at is None)
    same = next((one for one in usable if one.amount == invoice.open_balance), None)
    if same is not None:
        same.attempts = _attempts.all(same.pk)
        if not any(session.status in TAKEN for session in same.attempts):
            return _with_attempts(account, same, asked, at=at)
    end_attempts([one for one in existing if one.amount > invoice.open_balance], at=at)
    return _with_attempts(account, _make(account, asked, at=at), asked, at=at)


def _over_what_is_left(account: Account, collection: PaymentCollection, *, at: datetime) -> PaymentCollection:
    """The collection, or one over what is left of its invoices. Under the account's lock."""
    covered = list(collection.covered.select_related("invoice"))
    collection.attempts = _attempts.all(collection.pk)
    require_open(collection)
    if any(session.status in TAKEN for session in collection.attempts):
        raise Conflict("This payment is no longer possible")
    sent = [item for item in covered if item.invoice.status == Invoice.Status.SENT]
    left = [
        (one.invoice, min(one.amount, one.invoice.open_balance))
        for one in sent
        if one.invoice.open_balance > 0
    ]
    if not left:
        require_payable(covered[0].invoice)
    if sum(amount for _, amount in left) == collection.amount:
        return _with_attempts(account, collection, left, at=at)
    end_attempts([collection], at=at)
    return over(account, left, at=at)


def _make(
    account: Account, asked: Sequence[tuple[Invoice, int]], *, at: datetime, form_key: UUID | None = None
) -> PaymentCollection:
    first = asked[0][0]
    collection = PaymentCollection.objects.create(
        account=account,
        currency=first.currency,
        amount=sum(amount for _, amount in asked),
        description=f"Invoice {first.number}" if len(asked) == 1 else f"{len(asked)} invoices",
        invoice_count=len(asked),
        form_key=form_key,
        created_at=at,
    )
    PaymentCollectionInvoice.objects.bulk_create(
        PaymentCollectionInvoice(collection=collection, invoice=invoice, amount=amount)
        for invoice, amount in asked
    )
    collection.attempts = []
    return collection


def _with_attempts(
    account: Account, collection: PaymentCollection, asked: Sequence[tuple[Invoice, int]], *, at: datetime
) -> PaymentCollection:
    """Each way to pay has a live session; who has none gets one."""
    _add_missing_sessions(collection, offered_for([invoice for invoice, _ in asked]), at=at)
    for session in collection.attempts:
        session.collection, session.account = collection, account
    return collection


def end_attempts(stale: Sequence[PaymentCollection], *, at: datetime) -> None:
    """What can still be opened or paid of collections that are over is ended at its provider."""
    if stale:
        for session in PaymentSession.objects.filter(collection__in=stale, status__in=OPENABLE):
            enqueue(END_SESSION, {"session": session.pk}, at=at)


def end_larger_attempts(invoice: Invoice, *, at: datetime) -> None:
    """A part was paid another way: what was begun over more than is open now could only fail, or bring a
    surplus. A paid invoice ends all of its sessions itself."""
    if invoice.status == Invoice.Status.SENT:
        over_more = PaymentCollection.objects.filter(
            covered__invoice=invoice, covered__amount__gt=invoice.open_balance
        )
        end_attempts(list(over_more), at=at)


def close(collection: PaymentCollection, *, at: datetime) -> None:
    """Something was paid of a collection, and not by one of its sessions that succeeded: nothing more is paid
    with it. Of a part of an invoice the open balance would not tell."""
    PaymentCollection.objects.filter(pk=collection.pk).update(closed_at=at)
    end_attempts([collection], at=at)


TAKEN = (
    PaymentSession.Status.CAPTURING,
    PaymentSession.Status.PENDING_VERIFICATION,
    PaymentSession.Status.SUCCEEDED,
)
OPENABLE = (PaymentSession.Status.CREATED, PaymentSession.Status.INITIATED)


def require_payable(invoice: Invoice) -> None:
    """Refuse an invoice on which nothing can be paid now, saying why."""
    if invoice.status == Invoice.Status.PAID:
        raise Conflict(f"Invoice {invoice.number} is already paid")
    if invoice.status != Invoice.Status.SENT:
        raise Conflict(f"Invoice {invoice.number} is {invoice.status}")
    if invoice.open_balance <= 0:
        raise Conflict(f"Invoice {invoice.number} is awaiting the result of a payment")


def require_known(invoice: Invoice, known_open: int | None) -> None:
    """Refuse an invoice of which not so much is open as somebody saw."""
    if known_open is not None and known_open != invoice.open_balance:
        raise Conflict(f"The open balance of invoice {invoice.number} has changed")


def require_open(collection: PaymentCollection) -> None:
    """Refuse a collection that is closed. Asks the row, which the caller read before the lock was taken."""
    if PaymentCollection.objects.filter(pk=collection.pk, closed_at__isnull=False).exists():
        raise Conflict("This payment is no longer possible")


def _add_missing_sessions(
    collection: PaymentCollection, offered: Sequence[PaymentProvider], *, at: datetime
) -> None:
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
