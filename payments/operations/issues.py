"""Issues for staff: opened once for each session and kind, closed when the session ends or by staff."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import operations as accounts
from accounts.models import User
from core.audit import record
from core.errors import Conflict
from payments.models import Payment, PaymentSession, ReconciliationIssue, Refund

RESOLVE = "payments.change_reconciliationissue"


def open_issue(
    kind: str,
    known: str,
    *,
    at: datetime,
    session: PaymentSession | None = None,
    payment: Payment | None = None,
    amount: int | None = None,
    currency: str | None = None,
) -> ReconciliationIssue:
    """Tell staff what is known and what they can do; of one session, or one payment without, the same open
    issue is not made twice. `amount` is in minor units of `currency`, by default the session's."""
    of_what: dict[str, Any] = {"session": session} if session else {"session": None, "payment": payment}
    issue, _ = ReconciliationIssue.objects.get_or_create(
        kind=kind,
        resolved_at=None,
        **of_what,
        defaults={
            "known": known,
            "account_id": session.account_id if session else payment.account_id if payment else None,
            "payment": payment,
            "currency": currency or (session.currency if session else None),
            "amount": amount,
            "opened_at": at,
        },
    )
    return issue


def tell_once(
    kind: str, known: str, *, at: datetime, amount: int, currency: str, payment: Payment | None = None
) -> None:
    """Tell staff of one thing that happened, known by what is told of it: resolved once, it is not opened
    again. Of one payment there may be several."""
    if not ReconciliationIssue.objects.filter(kind=kind, known=known).exists():
        ReconciliationIssue.objects.create(
            kind=kind,
            known=known,
            payment=payment,
            account_id=payment.account_id if payment else None,
            currency=currency,
            amount=amount,
            opened_at=at,
        )


def close_issues(session: PaymentSession, *, at: datetime) -> None:
    """What was opened because a session did not end is settled by its end. Issues about money that moved
    stay for staff."""
    still_open = ReconciliationIssue.objects.filter(session=session, payment=None, resolved_at=None)
    still_open.update(resolved_at=at, resolution=f"The session ended as {session.status}.")


def close_refund_issues(refund: Refund, *, at: datetime) -> None:
    """What staff were told of the refunds of a payment is settled by the end of the last one."""
    kind = ReconciliationIssue.Kind.REFUND
    still_open = ReconciliationIssue.objects.filter(payment=refund.payment, kind=kind, resolved_at=None)
    if not refund.payment.refunds.unfinished().exists():
        still_open.update(resolved_at=at, resolution=f"The refund ended as {refund.status}.")


def resolve_issue(*, issue: ReconciliationIssue, at: datetime, staff: User, reason: str) -> None:
    """Staff have settled the matter, here or at the provider, and say how. Moves no money. Refuses staff
    without the permission, a missing reason, and an issue that was resolved meanwhile."""
    reason = accounts.required(reason)
    resolvable(issue=issue, staff=staff)
    with transaction.atomic():
        still_open = ReconciliationIssue.objects.filter(pk=issue.pk, resolved_at=None)
        if not still_open.update(resolved_at=at, resolved_by=staff, resolution=reason):
            raise Conflict("This issue is already resolved")
        record(
            issue,
            "reconciliationissue.resolved",
            at=at,
            by=staff.actor,
            before={"resolved_at": None},
            after={"resolved_at": at.isoformat()},
            reason=reason,
        )


def resolvable(*, issue: ReconciliationIssue, staff: User) -> ReconciliationIssue:
    """The issue as it is now, if this member of staff may close it."""
    accounts.acting(staff, RESOLVE)
    current = ReconciliationIssue.objects.get(pk=issue.pk)
    if current.resolved_at is not None:
        raise Conflict("This issue is already resolved")
    return current
