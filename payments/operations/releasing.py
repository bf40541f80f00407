"""What only staff can decide: whose money it is that fits nothing, and that a session which hangs is over."""

from datetime import datetime
from uuid import uuid4

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import record
from core.errors import Conflict
from core.transitions import move
from payments.models import AccountCredit, Payment, PaymentSession
from payments.operations.claiming import free, reload
from payments.operations.issues import close_issues
from payments.operations.receipting import issue_receipt
from payments.operations.settling import settle
from payments.providers import PROVIDERS
from payments.providers.base import (
    Observation,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    State,
)

ASSIGN = "payments.assign_payment"
RELEASE = "payments.release_paymentsession"
Status = PaymentSession.Status


def assign_payment(*, payment: Payment, account: Account, reason: str, at: datetime, staff: User) -> None:
    """Unassigned money belongs to this account: it becomes account credit there, whole. Refuses staff without
    the permission, a missing reason, and money that was assigned or is going back."""
    reason = accounts.required(reason)
    with accounts.locked_account(account.pk):
        assignable(payment=payment, staff=staff)
        current = Payment.objects.select_for_update().get(pk=payment.pk)
        if current.refunds.counting().exists():
            raise Conflict(f"Payment {current.reference} is being sent back")
        move(
            current,
            Payment.Status.CAPTURED,
            at=at,
            by=staff.actor,
            reason=reason,
            account_id=account.pk,
        )
        credit = AccountCredit.objects.create(
            account=account,
            payment=current,
            currency=current.currency,
            amount=current.amount,
            reason=f"Assigned by staff ({current.reference})",
            created_at=at,
        )
        after = {"amount": credit.amount, "currency": credit.currency}
        record(credit, "credit.kept", at=at, by=staff.actor, after=after, reason=reason)
        issue_receipt(current, at=at)


def assignable(*, payment: Payment, staff: User) -> Payment:
    """The payment as it is now, if this member of staff may say whose it is."""
    accounts.acting(staff, ASSIGN)
    current = Payment.objects.get(pk=payment.pk)
    if current.status != Payment.Status.UNASSIGNED:
        raise Conflict(f"Payment {current.reference} is already {current.get_status_display().lower()}")
    return current


def release_session(*, session: PaymentSession, reason: str, at: datetime, staff: User) -> None:
    """End a session that hangs, and free its invoices. The provider is looked at a last time: what it decided
    is booked instead, what can still be captured is cancelled there, and while it may still take the money
    nothing is released. Refuses staff without the permission and a missing reason."""
    reason = accounts.required(reason)
    releasable(session=session, staff=staff)
    seen = _last_look(session)
    if seen.state is State.CAPTURED and Payment.objects.filter(session=session).exists():
        _require_decided(session)
    elif seen.state is not State.FAILED or seen.status != "expired":
        settle(session=session, seen=seen, at=at, by=staff.actor)
        if PaymentSession.objects.filter(pk=session.pk, status=Status.CAPTURING).exists():
            raise Conflict(f"{session.provider.name} has not decided: nothing can be released yet")
        return
    with accounts.locked_account(session.account_id):
        releasable(session=session, staff=staff)
        current, covered = reload(session)
        free(current, covered)
        move(
            current,
            Status.FAILED,
            at=at,
            by=staff.actor,
            reason=reason,
            ended_at=at,
            provider_status=seen.status,
            look_again_at=None,
        )
        close_issues(current, at=at)


def releasable(*, session: PaymentSession, staff: User) -> PaymentSession:
    """The session as it is now, if it hangs and this member of staff may end it."""
    accounts.acting(staff, RELEASE)
    current, _ = reload(session)
    if current.status != Status.CAPTURING:
        raise Conflict(f"Payment session {current.pk} does not hang")
    return current


def _last_look(session: PaymentSession) -> Observation:
    provider = PROVIDERS[session.provider.code]
    try:
        seen = provider.lookup(reference=session.reference)
        if seen.state is State.CAPTURABLE:
            seen = provider.cancel(reference=session.reference, key=str(uuid4()))
    except ProviderForgot:
        return Observation(state=State.FAILED, reference=session.reference, status="expired")
    except (ProviderUnavailable, ProviderRefused) as error:
        raise Conflict(f"{session.provider.name} cannot be asked right now. Try again later") from error
    return seen


def _require_decided(session: PaymentSession) -> None:
    """Captured money that fits nothing is assigned or sent back first: then its session has no more to do."""
    if Payment.objects.filter(session=session, status=Payment.Status.UNASSIGNED).exists():
        raise Conflict("Its money is unassigned. Assign it or send it back first")
