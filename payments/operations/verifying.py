"""Promises: staff look at the bank account and verify or reject a manual payment."""

from datetime import date, datetime

from accounts import operations as accounts
from accounts.models import Account, User
from core.errors import Conflict, Forbidden
from core.money import from_minor
from core.outbox import enqueue
from core.transitions import move
from payments.models import Payment, PaymentSession
from payments.operations.booking import book
from payments.operations.claiming import free, reload
from payments.operations.issues import close_issues
from payments.providers.base import Observation, State

PERMISSION = "payments.verify_payment"
REJECTED = "payments.rejected"


def verify_manual_payment(*, payment: Payment, at: datetime, staff: User, reason: str = "") -> None:
    """The money arrived: book the promise as captured. Refuses the payer, and a payment already decided."""
    promised = _session_of(payment)
    with accounts.locked_account(promised.account_id) as account:
        verify_held(account, payment, at=at, staff=staff, reason=reason)


def verify_held(
    account: Account,
    payment: Payment,
    *,
    at: datetime,
    staff: User,
    reason: str = "",
    received_date: date | None = None,
    payer_reference: str = "",
) -> Payment:
    """`verify_manual_payment` under the account's lock. What a bank statement said of it is kept with it."""
    promised = _session_of(payment)
    current = decidable(payment=payment, staff=staff)
    session, covered = reload(promised)
    seen = Observation(
        state=State.CAPTURED,
        reference=session.reference,
        status="verified",
        capture_reference=current.reference,
        amount=from_minor(current.amount, current.currency),
        session=str(session.uuid),
    )
    Payment.objects.filter(pk=current.pk).update(
        verified_by=staff,
        verified_at=at,
        reason=reason.strip(),
        received_date=received_date,
        payer_reference=payer_reference,
    )
    book(account, session, covered, seen, at=at, by=staff.actor)
    close_issues(session, at=at)
    return current


def reject_manual_payment(*, payment: Payment, at: datetime, staff: User, reason: str) -> None:
    """The money did not arrive: the invoice can be paid again. The reason is told to the customer."""
    reason = accounts.required(reason)
    promised = _session_of(payment)
    with accounts.locked_account(promised.account_id):
        current = decidable(payment=payment, staff=staff)
        session, covered = reload(promised)
        free(session, covered)
        Payment.objects.filter(pk=current.pk).update(reason=reason)
        move(
            current,
            Payment.Status.FAILED,
            at=at,
            by=staff.actor,
            reason=reason,
            rejected_at=at,
            verified_by=staff,
        )
        move(session, PaymentSession.Status.REJECTED, at=at, by=staff.actor, ended_at=at)
        enqueue(REJECTED, {"payment": current.pk}, at=at)


def _session_of(payment: Payment) -> PaymentSession:
    if payment.session is None:
        raise Conflict(f"Payment {payment.reference} belongs to no payment session")
    return payment.session


def decidable(*, payment: Payment, staff: User) -> Payment:
    """The promise as it is now, if this member of staff may decide on it. The operations ask under the lock;
    the page that asks before shows the refusal in place of its button."""
    current = Payment.objects.select_related("provider", "session").get(pk=payment.pk)
    require_decidable(current, staff=staff)
    return current


def require_decidable(payment: Payment, *, staff: User) -> None:
    """`decidable` of a row that was read just now, for a page about many: asks the database nothing."""
    accounts.acting(staff, PERMISSION)
    if payment.status != Payment.Status.PENDING:
        raise Conflict(f"Payment {payment.reference} is already {payment.get_status_display().lower()}")
    if payment.session is None:
        raise Conflict(f"Payment {payment.reference} belongs to no payment session")
    if payment.payer_id == staff.pk:
        raise Forbidden("You recorded this payment yourself: somebody else must verify it")
