"""Follows the site: what it decided is checked against what the providers know, and its figures against the
plain books."""

from typing import Any

from accounts.models import Account
from invoices.models import Invoice
from payments.models import AccountCredit, Payment, PaymentCollectionInvoice, PaymentSession
from payments.sandbox.server import Sandbox
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.model.books import Attempt, Bill, Books

ENDED_UNPAID = ("failed", "cancelled")
STANDS = {
    "requires_capture": "held",
    "APPROVED": "held",
    "processing": "pending",
    "succeeded": "captured",
    "COMPLETED": "captured",
    "canceled": "cancelled",
}


class Providers:
    """What the payment companies know, read from the sandbox itself and never from the site."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def stands(self, session: PaymentSession) -> str:
        """none, forgotten, awaiting, held, pending, captured or cancelled."""
        code, reference = session.provider.code, session.reference
        if not reference or code == MANUAL:
            return "none"
        kind = "payment_intent" if code == STRIPE else "order"
        thing = self.sandbox.store.get(kind, reference)
        if thing is None:
            return "forgotten"
        units = thing.get("purchase_units") or [{}]
        captures = units[0].get("payments", {}).get("captures") or [{}]
        if captures[-1].get("status") == "PENDING":
            return "pending"
        return STANDS.get(thing["status"], "awaiting")

    def funding(self, session: PaymentSession) -> str:
        """How the buyer of a PayPal order pays: balance or declined."""
        return (self.sandbox.store.get("order", session.reference) or {}).get("_funding") or ""

    def captured(self, session: PaymentSession) -> int | None:
        """How much was taken on a session; None: nothing yet."""
        return next(iter(self.money({session.reference}).values()), None)

    def money(self, references: set[str]) -> dict[tuple[str, str], int]:
        """What was captured on these intents and orders: by provider and what the money is known by."""
        return {
            (STRIPE, one.reference) if one.provider == "stripe" else (PAYPAL, one.transaction): one.amount
            for one in self.sandbox.ledger()
            if one.kind == "capture" and one.reference in references
        }


class Follower:
    """The plain books of each company, brought forward by what the site decided since the last look."""

    def __init__(self, providers: Providers, accounts: list[Account]) -> None:
        self.providers = providers
        self.books = {account.pk: Books(account.credit_limit) for account in accounts}
        self.bills: dict[int, Bill] = {}
        self.payments: dict[int, tuple[str, int]] = {}  # status and amount by key
        self.decided: dict[int, str] = {}  # promises on which staff decided
        self.elsewhere: set[str] = set()  # what somebody else captured at the provider

    def attempt(self, session: PaymentSession) -> Attempt:
        return self.books[session.account_id].attempts[session.pk]

    def follow(self) -> None:
        """Take over what was decided, look whether it was right, and compare the figures."""
        for invoice in Invoice.objects.exclude(pk__in=self.bills).order_by("pk"):
            books = self.books[invoice.account_id]
            charges = {one.pk: one for one in books.charges}
            lines = invoice.line_items.order_by("pk").values_list("account_line_item", flat=True)
            self.bills[invoice.pk] = books.bill(invoice.pk, [charges[pk] for pk in lines])
        sessions = {one.pk: one for one in PaymentSession.objects.select_related("provider").order_by("pk")}
        for session in sessions.values():
            self._follow_session(session)
        for payment in Payment.objects.select_related("provider").order_by("pk"):
            self._follow_payment(payment, sessions)
        self._compare()

    def _follow_session(self, session: PaymentSession) -> None:
        books = self.books[session.account_id]
        if session.pk not in books.attempts:
            covered = PaymentCollectionInvoice.objects.filter(collection=session.collection_id)
            shares = [(self.bills[item.invoice_id], item.amount) for item in covered.order_by("pk")]
            books.attempts[session.pk] = Attempt(session.pk, session.provider.code, shares)
            assert session.amount == books.attempts[session.pk].amount
        attempt = books.attempts[session.pk]
        if attempt.status == session.status:
            return
        books.move(attempt, session.status)
        stands = self.providers.stands(session)
        if session.status == "initiated" and session.reference not in self.elsewhere:
            assert stands not in ("captured", "pending"), (
                f"session {session.pk} was given back, but is {stands}"
            )
        if session.status in ENDED_UNPAID:
            wrong = {"held"} if session.provider.code == STRIPE else set()
            wrong |= {"pending"} | (set() if session.payments.exists() else {"captured"})
            assert stands not in wrong, f"session {session.pk} {session.status}, but its payment is {stands}"
        if session.status == "succeeded":
            paid = session.payments.filter(status="captured", amount=session.amount).count()
            assert paid == 1, f"session {session.pk} succeeded with {paid} payments"

    def _follow_payment(self, payment: Payment, sessions: dict[int, PaymentSession]) -> None:
        before, _ = self.payments.get(payment.pk, ("", 0))
        if before == payment.status:
            return
        session = sessions[payment.session_id]
        attempt = self.attempt(session)
        self.payments[payment.pk] = (payment.status, payment.amount)
        moved = f"payment {payment.pk} of session {session.pk} went from {before!r} to {payment.status}"
        if session.provider.code == MANUAL:
            word = {"pending": "", "captured": "verified", "failed": "rejected"}[payment.status]
            assert self.decided.get(payment.pk, "") == word, moved
            assert (before == "pending") == (payment.status != "pending"), moved
        else:
            assert before == "", moved
            assert payment.status in ("captured", "unassigned"), moved
            money = self.providers.money({session.reference})
            known = money.get((session.provider.code, payment.reference))
            assert known == payment.amount, f"{moved}: {payment.amount} booked, {known} captured"
            assert (payment.status == "captured") == (payment.amount == attempt.amount), moved
        assert payment.account_id == (None if payment.status == "unassigned" else session.account_id)
        if payment.status == "captured":
            self.books[session.account_id].arrive(attempt, payment.amount)

    def may_capture(self, reference: str) -> None:
        """The site is about to take money: only for a claimed session whose invoices nobody else pays."""
        session = PaymentSession.objects.select_related("provider").get(reference=reference)
        books, attempt = self.books[session.account_id], self.attempt(session)
        assert attempt.status == "capturing", f"session {session.pk} is captured while {attempt.status}"
        for bill, share in attempt.shares:
            left = books.open(bill, but=attempt)
            assert share <= left, f"session {session.pk} takes {share} for {left} on invoice {bill.pk}"

    def _compare(self) -> None:
        for account in Account.objects.filter(pk__in=self.books):
            books = self.books[account.pk]
            theirs: dict[str, Any] = {"account": (books.charged, books.paid, books.due)}
            ours: dict[str, Any] = {
                "account": (account.total_amount, account.paid_amount, account.balance_due)
            }
            for bill in books.bills:
                reserved = books.reserved(bill)
                figures = (bill.status, bill.total, bill.paid, reserved, bill.total - bill.paid - reserved)
                theirs[f"invoice {bill.pk}"] = figures
            for one in Invoice.objects.filter(account=account):
                known = (one.status, one.total_amount, one.paid_amount, one.reserved_amount)
                ours[f"invoice {one.pk}"] = (*known, one.open_balance)
            left = AccountCredit.objects.filter(account=account).left_by_currency()
            ours["credit"] = sorted(amount for _, amount in left)
            theirs["credit"] = sorted(amount for amount in books.credit.values() if amount)
            assert ours == theirs, f"account {account.pk}: {_differences(ours, theirs)}"

    def stuck(self) -> set[int]:
        """What stays undecided for a reason: money that does not fit, or forgotten by the provider."""
        capturing = PaymentSession.objects.filter(status="capturing").select_related("provider")
        return {
            one.pk
            for one in capturing
            if one.payments.filter(status="unassigned").exists() or self.providers.stands(one) == "forgotten"
        }


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return "; ".join(f"{name}: the site has {ours.get(name)}, the books {theirs.get(name)}" for name in names)
