"""The one function that ends a payment: by what was seen at its provider. Webhook, reconciliation and browser
end here; running it twice books once."""

from datetime import datetime, timedelta

from accounts import operations as accounts
from core.audit import Actor
from core.transitions import move
from payments.models import PaymentSession, ReconciliationIssue
from payments.operations.booking import book, differences
from payments.operations.claiming import LOOKS, claim, free, is_claimable, reload
from payments.operations.issues import close_issues, open_issue
from payments.operations.outcomes import PaymentOutcome, outcome_of
from payments.providers.base import Observation, State

Status = PaymentSession.Status
PATIENCE = LOOKS[2]


def settle(*, session: PaymentSession, seen: Observation, at: datetime, by: Actor) -> PaymentOutcome:
    """Book what was seen at the provider, under the account's lock.

    Captured: a payment, its allocations, the invoices, their charges and the account move together, and what
    no invoice takes becomes account credit. Awaiting the payer: the session can be tried again. Failed: the
    invoice is free again. Not decided yet: the invoice is kept for this session, where it can be. Anything
    else stays as it is; nothing is guessed.

    `session` is as the caller knew it before looking: what was seen before a claim was made cannot undo it,
    for the money may be on its way meanwhile.
    """
    with accounts.locked_account(session.account_id) as account:
        known, (session, covered) = session, reload(session)
        was_capturing = session.status == Status.CAPTURING
        is_stale = was_capturing and (known.status, known.claimed_at) != (session.status, session.claimed_at)
        if seen.state is State.CAPTURED:
            book(account, session, covered, seen, at=at, by=by)
            if not session.has_ended:
                _look_again(session, seen, at=at)
        elif is_stale:
            pass  # whoever claimed looks after it
        elif seen.state is State.AWAITING_PAYER and was_capturing:
            free(session, covered)
            move(
                session,
                Status.INITIATED,
                at=at,
                by=by,
                provider_status=seen.status,
                decline_reason=seen.reason,
                waiting_since=at,
                look_again_at=at + LOOKS[0],
            )
        elif seen.state is State.FAILED and session.status in (Status.INITIATED, Status.CAPTURING):
            if was_capturing:
                free(session, covered)
            end = Status.FAILED if was_capturing else Status.CANCELLED
            move(session, end, at=at, by=by, ended_at=at, provider_status=seen.status, look_again_at=None)
        elif seen.state is State.PENDING and session.status == Status.INITIATED and is_claimable(covered):
            claim(session, covered, at=at, by=by)
        elif not session.has_ended:
            _look_again(session, seen, at=at)
        if session.has_ended:
            close_issues(session, at=at)
        return outcome_of(session, [item.invoice for item in covered])


def _look_again(session: PaymentSession, seen: Observation, *, at: datetime) -> None:
    """Nothing was decided: look again later, ever more rarely, and tell staff when it takes too long."""
    since = session.waiting_since or at
    later = next((since + look for look in LOOKS if since + look > at), at + timedelta(days=1))
    told = {"provider_status": seen.status, "decline_reason": seen.reason} if seen.status else {}
    PaymentSession.objects.filter(pk=session.pk).update(looked_at=at, look_again_at=later, **told)
    if session.status == Status.CAPTURING and not session.issues.filter(resolved_at=None).exists():
        _tell_staff(session, seen, since, at=at)


def _tell_staff(session: PaymentSession, seen: Observation, since: datetime, *, at: datetime) -> None:
    provider = session.provider.name
    if at - since >= PATIENCE:
        kind = ReconciliationIssue.Kind.UNDECIDED
        known = (
            f"Payment session {session.pk} has been capturing since {since:%Y-%m-%d %H:%M} UTC. "
            f"{provider} has not decided (last word: {seen.status or 'no answer'}). We keep asking. "
            f"Look up {session.reference} at the provider."
        )
    elif seen.state is State.CAPTURABLE and (wrong := differences(session, seen)):
        kind = ReconciliationIssue.Kind.MISMATCH
        known = (
            f"{provider} authorized {session.reference} for payment session {session.pk}, but "
            f"{', and '.join(wrong)}. It was not captured. Cancel it at the provider."
        )
    else:
        return
    open_issue(kind, known, session=session, amount=session.amount, at=at)
