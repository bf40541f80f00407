"""Before the money moves a session claims its invoices: of one invoice at most one payment is decided at a
time, and nobody pays what is being paid. All under the account's lock, with rows read after it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.audit import Actor
from core.errors import Conflict
from core.reading import Composed
from core.transitions import move
from invoices import operations as invoices
from payments.models import PaymentCollectionInvoice, PaymentSession
from payments.operations.collecting import require_payable

# How long after it was opened, declined or claimed a session is looked at; after the last one, every day.
LOOKS = (timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))

_session = Composed(lambda pk: PaymentSession.objects.select_related("provider", "collection").filter(pk=pk))
_covered = Composed(
    lambda pk: PaymentCollectionInvoice.objects.select_related("invoice").filter(collection=pk)
)


def reload(session: PaymentSession) -> tuple[PaymentSession, list[PaymentCollectionInvoice]]:
    """The session and what it covers, read after the lock was taken."""
    fresh = _session.get(session.pk)
    return fresh, _covered.all(fresh.collection_id)


def require_claimable(covered: Sequence[PaymentCollectionInvoice]) -> None:
    """Refuse to take money for invoices that are closed, that another session is being paid on, or whose open
    balance is less than this session covers."""
    ids = [item.invoice_id for item in covered]
    busy = PaymentCollectionInvoice.objects.filter(invoice__in=ids, is_claimed=True)
    for number in busy.values_list("invoice__number", flat=True):
        raise Conflict(f"Invoice {number} is being paid right now")
    for item in covered:
        require_payable(item.invoice)
        if item.amount > item.invoice.open_balance:
            raise Conflict(f"The open balance of invoice {item.invoice.number} has changed")


def is_claimable(covered: Sequence[PaymentCollectionInvoice]) -> bool:
    """Whether these invoices can be kept for a payment now."""
    try:
        require_claimable(covered)
    except Conflict:
        return False
    return True


def claim(
    session: PaymentSession, covered: Sequence[PaymentCollectionInvoice], *, at: datetime, by: Actor
) -> None:
    """Keep the invoices for this session and move it to capturing."""
    for item in covered:
        invoices.reserve(item.invoice, item.amount)
    PaymentCollectionInvoice.objects.filter(collection=session.collection_id).update(is_claimed=True)
    move(
        session,
        PaymentSession.Status.CAPTURING,
        at=at,
        by=by,
        claimed_at=at,
        waiting_since=at,
        look_again_at=at + LOOKS[0],
        payer_id=by.user_id or session.payer_id,
    )


def free(session: PaymentSession, covered: Sequence[PaymentCollectionInvoice]) -> None:
    """Give back what the session reserved on its invoices, and its claim on them: a promise has none, and
    another session of its collection may be capturing."""
    for item in covered:
        invoices.release(item.invoice, item.amount)
    if session.status == PaymentSession.Status.CAPTURING:
        PaymentCollectionInvoice.objects.filter(collection=session.collection_id, is_claimed=True).update(
            is_claimed=False
        )
