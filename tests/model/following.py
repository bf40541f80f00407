"""Follows the site: what it decided is checked against what the providers know, and its figures against the
plain books."""

from math import inf
from typing import Any

from accounts.models import Account
from invoices.models import Invoice
from payments.models import AccountCredit, Payment, PaymentCollectionInvoice, PaymentSession, Refund
from payments.sandbox.paypal_objects import minor_units
from payments.sandbox.server import Sandbox
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.model.books import Attempt, Bill, Books, Money, Return

ENDED_UNPAID = ("failed", "cancelled")
WENT_BACK = ("partially_refunded", "refunded")
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
        taken = {one.reference: one.amount for one in self.sandbox.ledger() if one.kind == "capture"}
        return taken.get(session.reference)

    def moved(self, kind: str, *, before: float = inf) -> dict[tuple[str, str], int]:
        """What was captured, or sent back: by provider and what the money is known by."""
        return {
            (STRIPE, one.reference if kind == "capture" else one.transaction)
            if one.provider == "stripe"
            else (PAYPAL, one.transaction): one.amount
            for one in self.sandbox.ledger()
            if one.kind == kind and one.at < before
        }

    def returns(self, code: str, reference: str) -> list[dict[str, Any]]:
        """What a provider was asked to send back of captured money, done or not."""
        if code == PAYPAL:
            return self.sandbox.store.children("refund_of_capture", reference)
        charge = (self.sandbox.store.get("payment_intent", reference) or {}).get("latest_charge")
        return self.sandbox.store.children("refund", charge) if charge else []

    def kept(self, code: str, reference: str) -> int:
        """How much of captured money its provider was not asked to send back yet."""
        amounts = [one["amount"] for one in self.returns(code, reference)]
        gone = sum(minor_units(one) if code == PAYPAL else one for one in amounts)
        return self.moved("capture")[code, reference] - gone


class Follower:
    """The plain books of each company, brought forward by what the site decided since the last look."""

    def __init__(self, providers: Providers, accounts: list[Account]) -> None:
        self.providers = providers
        self.books = {account.pk: Books(account.credit_limit) for account in accounts}
        self.bills: dict[int, Bill] = {}
        self.payments: dict[int, str] = {}  # status by key
        self.money: dict[int, Money] = {}  # that came, by the payment's key
        self.decided: dict[int, str] = {}  # promises on which staff decided
        self.assigned: dict[int, int] = {}  # nobody's payments, and the account that staff named
        self.elsewhere: set[str] = set()  # what somebody else captured or sent back at the provider

    def attempt(self, session: PaymentSession) -> Attempt:
        return self.books[session.account_id].attempts[session.pk]

    def books_with(self, bill: Bill) -> Books:
        """The books of the company whose invoice it is."""
        return next(books for books in self.books.values() if bill in books.bills)

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
        for refund in Refund.objects.select_related("payment", "provider").order_by("pk"):
            self._follow_refund(refund)
        self._compare()

    def _follow_session(self, session: PaymentSession) -> None:
        books = self.books[session.account_id]
        if session.pk not in books.attempts:
            covered = PaymentCollectionInvoice.objects.filter(collection=session.collection_id)
            shares = [(self.bills[item.invoice_id], item.amount) for item in covered.order_by("pk")]
            books.attempts[session.pk] = Attempt(
                session.pk, session.collection_id, session.provider.code, shares
            )
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
        before, now = self.payments.get(payment.pk, ""), payment.status
        self.payments[payment.pk] = now
        if before == now or now in WENT_BACK:
            return
        session = sessions.get(payment.session_id or 0)
        moved = f"payment {payment.pk} of {session} went from {before!r} to {now}"
        if before == "unassigned":
            assert (now, payment.account_id) == ("captured", self.assigned.get(payment.pk)), moved
            self.books[self.assigned[payment.pk]].assign(self.money[payment.pk])
        elif payment.provider.code == MANUAL:
            word = {"pending": "", "captured": "verified", "failed": "rejected"}[now]
            assert self.decided.get(payment.pk, "") == word, moved
            assert (before == "pending") == (now != "pending"), moved
        else:
            assert before == "", moved
            assert now in ("captured", "unassigned"), moved
            known = self.providers.moved("capture").get((payment.provider.code, payment.reference))
            assert known == payment.amount, f"{moved}: {payment.amount} booked, {known} captured"
            fits = session is not None and payment.amount == self.attempt(session).amount
            assert (now == "captured") == fits, moved
            if now == "unassigned":
                self.money[payment.pk] = Money(payment.pk, payment.currency, payment.amount, is_owned=False)
                assert payment.account_id is None
        if now == "captured" and session and before != "unassigned":
            assert payment.account_id == session.account_id
            self.money[payment.pk] = Money(payment.pk, payment.currency, payment.amount)
            self.books[session.account_id].arrive(self.attempt(session), self.money[payment.pk])

    def _follow_refund(self, refund: Refund) -> None:
        money = self.money[refund.payment_id]
        back = money.returns.get(refund.pk)
        if back is None:
            is_ours = refund.staff_id is not None
            assert not is_ours or money.may_return(refund.amount), f"refund {refund.pk} of {money.left} left"
            back = money.returns[refund.pk] = Return(refund.pk, refund.amount)
        if back.status == refund.status:
            return
        money.move(back, refund.status)
        seen = self._seen(refund)
        if refund.status == "done":
            assert back.of_credit == refund.credit_amount, f"refund {refund.pk}: {back} of {money}"
            assert seen == [(refund.reference, refund.amount)], f"refund {refund.pk} is done, but not {seen}"
        if refund.status == "failed":
            assert seen == [], f"refund {refund.pk} failed, but it was sent: {seen}"

    def _seen(self, refund: Refund) -> list[tuple[str, int]]:
        """A refund as its provider knows it; one that is found there was made by somebody else."""
        if refund.provider.code == MANUAL:
            return [(refund.reference, refund.amount)] if refund.status == "done" else []
        made = self.providers.returns(refund.provider.code, refund.payment.reference)
        done = self.providers.moved("refund")
        if refund.staff_id is None:
            mine = [one["id"] for one in made if one["id"] in self.elsewhere & {refund.reference}]
        else:
            keys = {one["id"]: one.get("custom_id") or one.get("metadata", {}).get("refund") for one in made}
            mine = [name for name, key in keys.items() if key == str(refund.uuid)]
        return [(name, done.get((refund.provider.code, name), 0)) for name in mine]

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
            ours["credit"] = AccountCredit.objects.filter(account=account).left_by_currency()
            theirs["credit"] = books.credit
            assert ours == theirs, f"account {account.pk}: {_differences(ours, theirs)}"
        for pk, money in self.money.items():
            assert self.payments[pk] == money.status, f"payment {pk} is {self.payments[pk]}: {money}"

    def stuck(self) -> set[int]:
        """What hangs until staff release it: money that does not fit, or forgotten by the provider."""
        capturing = PaymentSession.objects.filter(status="capturing").select_related("provider")
        return {
            one.pk for one in capturing if one.payments.exists() or self.providers.stands(one) == "forgotten"
        }


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return "; ".join(f"{name}: the site has {ours.get(name)}, the books {theirs.get(name)}" for name in names)
