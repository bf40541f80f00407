"""The machine: customers, payers, staff, providers and the clock do what they like, in any order and into
each other, and after each step the site must have what the plain books have.

Everything goes through the operations, as the doors call them. Nobody races here: whatever may happen between
a claim, the calls and the settlement happens while a provider is asked, and there is no other place, for
everything else is done under the account's lock.
"""

from datetime import timedelta
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from accounts import operations as accounts
from accounts.models import Account, Region
from core.audit import SYSTEM
from core.money import from_minor
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentCollection
from payments.sandbox.faults import Schedule
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.model.books import Bill
from tests.model.refunding import PICK, Refunding
from tests.model.settling import SMALLEST
from tests.model.steps import pick
from tests.payments.callers import PayPal, stripe_client

CARDS = (
    "4242424242424242",
    "4242424242424242",
    "4000000000000002",  # declined
    "4000000000009995",  # insufficient funds
    "4000002500003155",  # the bank asks, and is answered
    "4000008400001629",  # the bank asks, and the card is declined then
)
OFFERED = (STRIPE, PAYPAL, MANUAL)
DELAYS = (10, 150, 400, 960, 7200, 86_400)  # seconds
FAULTS = (
    *("error_before", "error_after", "stored_error", "rate_limited", "unauthorized", "broken_json", "reset"),
    *("expired", "pending"),
)


class Machine(Refunding):
    """`which` picks the object, counted from the newest, and `how` the way."""

    @initialize(amounts=st.lists(st.integers(100, 20_000), min_size=2, max_size=6))
    def some_invoices(self, amounts: list[int]) -> None:
        for number, amount in enumerate(amounts):
            account, region = self.world.accounts[number % 2], self.world.regions[number // 4]
            self._charge(account, region, amount, override=True)
            self.bill(which=number % 2 + 2 * (number // 4), how=0)

    # Charges and invoices

    @rule(which=PICK, how=PICK, amount=st.integers(100, 40_000))
    def charge(self, which: int, how: int, amount: int) -> None:
        """In any region; now and then over the limit, with a reason."""
        account, region = self.world.accounts[which % 2], self.world.regions[which // 2]
        self._charge(account, region, amount, override=how == 5)

    def _charge(self, account: Account, region: Region, amount: int, *, override: bool) -> None:
        books, cents = self.follower.books[account.pk], self.world.worth(region, amount)
        line = self.tries(
            lambda: accounts.charge(
                account_id=account.pk,
                region=region,
                amount=from_minor(amount, region.currency),
                description="A charge",
                at=self.now,
                by=SYSTEM,
                override_reason="Agreed" if override else "",
            ),
            allowed=override or books.may_charge(cents),
        )
        if line is not None:
            books.charge(line.pk, region.name, amount, cents)

    @rule(which=PICK, how=PICK)
    def bill(self, which: int, how: int) -> None:
        """An invoice over up to three charges; now and then one of them is billed already."""
        account, region = self.world.accounts[which % 2], self.world.regions[which // 2]
        books = self.follower.books[account.pk]
        chosen = books.unbilled(region.name)[-1 - how % 3 :]
        billed = [one for one in books.charges if one.region == region.name and one.bill]
        wanted = [*chosen, *billed[-1:]] if how == 5 else chosen
        invoice = self.tries(
            lambda: invoices.create_invoice_from_line_items(
                account=account,
                region=region,
                line_item_ids=[one.pk for one in wanted],
                at=self.now,
                by=SYSTEM,
            ),
            allowed=bool(chosen) and wanted == chosen,
        )
        if invoice is not None:
            self.follower.follow()
            assert self.bill_of(invoice).charges == wanted

    @rule(which=PICK, how=PICK)
    def start(self, which: int, how: int) -> None:
        """Charges are billed and their payment begun at once, by a form that may be sent twice."""
        account, region = self.world.accounts[which % 2], self.world.regions[which // 2]
        books = self.follower.books[account.pk]
        chosen, form = books.unbilled(region.name)[-1 - how % 3 :], uuid4()
        for _ in range(1 + how % 2):
            self.tries(
                lambda: operations.start_payment(
                    account=account,
                    region=region,
                    line_item_ids=[one.pk for one in chosen],
                    form_key=form,
                    at=self.now,
                    by=self.payer(how),
                ),
                allowed=bool(chosen),
            )

    @rule(which=PICK)
    def cancel(self, which: int, how: int = 0) -> None:
        sent = [one for one in self.invoices() if one.status == "sent" or which == 5]
        invoice = pick(sent, which)
        if invoice is None:
            return
        books, bill = self.books_of(invoice), self.bill_of(invoice)

        def act() -> bool:
            invoices.cancel_invoice(invoice=invoice, at=self.now, staff=None, reason="A mistake")
            books.cancel(bill)
            return True

        self.tries(act, allowed=books.may_cancel(bill))

    # Sessions

    @rule(which=PICK, how=PICK)
    def begin(self, which: int, how: int) -> None:
        """A session is opened at a provider; with what is open, so asked again it is the same one."""
        invoice = pick(self.invoices(), which)
        if invoice is None:
            return
        allowed, began = self.books_of(invoice).may_pay(self.bill_of(invoice)), self.disturbances
        open_balance, code = self.books_of(invoice).open(self.bill_of(invoice)), OFFERED[how % 3]
        if how >= 3:
            self.tries(
                lambda: operations.create_payment_sessions(invoice=invoice, at=self.now, by=SYSTEM),
                allowed=allowed,
            )
        session = self.tries(
            lambda: operations.initiate_payment(
                invoice=invoice, provider_code=code, at=self.now, by=self.payer(how)
            ),
            allowed=allowed and (code != STRIPE or open_balance >= SMALLEST),
        )
        if session is not None and self.is_plain(began):
            assert (session.status, session.amount) == ("initiated", open_balance)

    @rule(which=PICK, how=PICK)
    def collect(self, which: int, how: int) -> None:
        """One payment for several invoices, of each all or a part; now and then for what cannot be paid."""
        first = pick(self.invoices(), which)
        if first is None:
            return
        books, shares = self.books_of(first), self.wanted(self.bill_of(first), how)
        rows = Invoice.objects.in_bulk([bill.pk for bill, _ in shares])
        collection = self.tries(
            lambda: operations.start_joint_payment(
                account=Account.objects.get(pk=first.account_id),
                currency=first.currency,
                shares=[operations.Share(rows[bill.pk], amount) for bill, amount in shares],
                at=self.now,
                by=self.payer(how),
            ),
            allowed=books.may_ask(shares),
        )
        if collection is not None:
            self.follower.follow()
            self.choose_way(collection, OFFERED[how % 3])

    def wanted(self, bill: Bill, how: int) -> list[tuple[Bill, int]]:
        """What somebody wants to pay of an invoice, and of others of its company and region."""
        books = self.follower.books_with(bill)
        others = [one for one in books.bills if one is not bill and one.region == bill.region]
        payable = [(one, books.open(one)) for one in [bill, *others] if books.may_pay(one)]
        half = max(SMALLEST, books.open(bill) // 2)
        return [
            payable,
            [(bill, half)],
            [(bill, books.open(bill)), *((one, (left + 1) // 2) for one, left in payable if one is not bill)],
            [(bill, books.open(bill) + 1)],
            [(bill, half), *(one for one in payable if one[0] is not bill)],
            [(bill, half), (bill, half)],
        ][how]

    @rule(which=PICK, how=PICK)
    def choose(self, which: int, how: int) -> None:
        """Another way to pay what was begun once, of which less may be open now."""
        session = pick(self.sessions(), which)
        if session is not None:
            self.choose_way(session.collection, OFFERED[how % 3])

    def choose_way(self, collection: PaymentCollection, code: str) -> None:
        left = self.left_of(collection)
        total = sum(amount for _, amount in left)
        is_taken = self.books_of(collection).is_taken(collection.pk)
        began = self.disturbances
        session = self.tries(
            lambda: operations.change_method(
                collection=collection, provider_code=code, at=self.now, by=SYSTEM
            ),
            allowed=not is_taken and total > 0 and (code != STRIPE or total >= SMALLEST),
        )
        if session is not None and self.is_plain(began):
            assert (session.status, session.amount) == ("initiated", total)

    @rule(which=PICK, how=PICK)
    def use_credit(self, which: int, how: int = 0) -> None:
        """What a company has left as credit goes on the invoices of a payment that was begun."""
        session = pick(self.sessions(), which)
        if session is None:
            return
        collection, books = session.collection, self.books_of(session)
        left = self.left_of(collection)

        def act() -> bool:
            operations.use_credit(collection=collection, at=self.now, by=SYSTEM)
            books.use_credit(collection.pk, left, collection.currency)
            return True

        is_open = len(left) == collection.invoice_count and not books.is_taken(collection.pk)
        self.tries(act, allowed=is_open and books.kept(collection.currency) > 0)

    @rule(which=PICK, how=PICK)
    def payer_agrees(self, which: int, how: int) -> None:
        """The payer enters a card or approves the PayPal order; the bank may say no."""
        session = pick([*self.known_at(PAYPAL, "awaiting"), *self.known_at(STRIPE, "awaiting")], which)
        if session is None:
            return
        if session.provider.code == PAYPAL:
            self.sandbox.approve_paypal(session.reference, funding="declined" if how == 5 else "balance")
            return
        self.sandbox.confirm_card(session.reference, CARDS[how])
        if self.sandbox.intent(session.reference)["status"] == "requires_action":
            self.sandbox.authenticate(session.reference, passed=which % 3 > 0)

    @rule(which=PICK, how=PICK)
    def complete(self, which: int, how: int) -> None:
        """The payer's browser asks for the money, perhaps again."""
        session = pick(self.sessions() if how == 0 else self.sessions("initiated", "capturing"), which)
        if session is None:
            return
        expected, began = self.after_completing(session), self.disturbances
        self.tries(
            lambda: operations.complete_payment(session=session, at=self.now, by=self.payer(how)),
            allowed=expected is not None,
        )
        self.becomes(session, expected, began)

    @rule(which=PICK, how=PICK)
    def promise(self, which: int, how: int) -> None:
        """A customer says that a bank transfer is under way."""
        waiting = [one for one in self.sessions("created", "initiated") if one.provider.code == MANUAL]
        session = pick(waiting, which)
        if session is None:
            return
        expected = self.after_completing(session)
        self.tries(
            lambda: operations.complete_payment(session=session, at=self.now, by=self.payer(how)),
            allowed=expected is not None,
        )

    @rule(which=PICK)
    def press_again(self, which: int, how: int = 0) -> None:
        """Pay is pressed on a page that stood open for long."""
        session = pick(self.sessions("initiated", "cancelled", "failed"), which)
        if session is not None:
            self.tries(lambda: operations.renewed(session=session, at=self.now, by=SYSTEM), allowed=None)

    # Staff

    def promises(self, *, every: bool) -> list[Payment]:
        """What staff must decide on, or every manual payment."""
        manual = Payment.objects.filter(provider__code=MANUAL).order_by("pk")
        return list(manual if every else manual.filter(status="pending"))

    @rule(which=PICK, how=PICK)
    def verify(self, which: int, how: int) -> None:
        payment = pick(self.promises(every=which == 5), which)
        if payment is not None:
            self.decide(payment, self.world.staff[how % 2], arrived=True)

    @rule(which=PICK, how=PICK)
    def reject(self, which: int, how: int) -> None:
        payment = pick(self.promises(every=which == 5), which)
        if payment is not None:
            self.decide(payment, self.world.staff[how % 2], arrived=False)

    # Providers

    @rule(which=PICK, how=PICK)
    def pay_elsewhere(self, which: int, how: int) -> None:
        """Somebody captures at the provider, without us; at Stripe perhaps only a part."""
        held = [*self.known_at(PAYPAL, "held"), *self.known_at(STRIPE, "held")]
        session = pick(held, which)
        if session is None:
            return
        self.follower.elsewhere.add(session.reference)
        with self.no_weather():
            if session.provider.code == PAYPAL:
                PayPal(self.sandbox).capture(session.reference)
            else:
                amount = self.sandbox.intent(session.reference)["amount"] - (how >= 4)
                asked = {"amount_to_capture": amount}
                stripe_client(self.sandbox).payment_intents.capture(session.reference, asked)

    @rule(which=PICK)
    def expire(self, which: int, how: int = 0) -> None:
        """What was begun at a provider, but not paid, runs out."""
        unpaid = [*self.known_at(STRIPE, "awaiting"), *self.known_at(PAYPAL, "awaiting")]
        unpaid += [*self.known_at(STRIPE, "held"), *self.known_at(PAYPAL, "held")]
        session = pick(unpaid, which)
        if session is not None:
            self.sandbox.expire(session.reference)

    @rule(which=PICK, how=PICK)
    def deliver(self, which: int, how: int) -> None:
        """A webhook comes: in or out of order, again, or so that its work is left to the worker."""
        event = pick(self.events(), which if how else which * 7)
        if event is not None:
            self.receive(event, at_once=how < 4)

    # The worker and the clock

    @rule()
    def work(self, which: int = 0, how: int = 0) -> None:
        """The worker delivers what waits in the outbox."""
        drain(at=self.now)

    @rule(which=PICK)
    def reconcile(self, which: int, how: int = 0) -> None:
        operations.reconcile(at=self.now, everything=which > 2)

    @rule(which=PICK)
    def time_passes(self, which: int) -> None:
        self.now += timedelta(seconds=DELAYS[which])
        operations.reconcile(at=self.now)

    @rule(share=st.sampled_from((0, 0, 0.1, 0.3, 0.6)), number=st.integers(0, 1000))
    def weather(self, share: float, number: int) -> None:
        """Calls go wrong from now on, or no more."""
        self.sandbox.faults = Schedule(number, share, FAULTS) if share else None
