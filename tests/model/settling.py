"""How the machine ends: whatever happened, everything can be brought to its end."""

from datetime import timedelta

from requests.structures import CaseInsensitiveDict

from accounts.models import User
from core.audit import SYSTEM
from core.outbox import OutboxMessage
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentSession, ProviderEvent
from payments.sandbox.store import StoredEvent
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.model.books import Bill
from tests.model.steps import Steps
from tests.payments.callers import GOOD_CARD

SMALLEST = 50  # minor units that a card pays


class Settling(Steps):
    """Webhooks, staff and the end."""

    def decide(self, payment: Payment, staff: User, *, arrived: bool) -> None:
        """Staff found the money, or did not; nobody decides twice, nor on a payment of their own."""

        def act() -> bool:
            if arrived:
                operations.verify_manual_payment(payment=payment, at=self.now, staff=staff)
            else:
                operations.reject_manual_payment(payment=payment, at=self.now, staff=staff, reason="Nothing")
            self.follower.decided[payment.pk] = "verified" if arrived else "rejected"
            return True

        self.tries(act, allowed=payment.status == "pending" and payment.payer_id != staff.pk)

    def events(self) -> list[StoredEvent]:
        return self.sandbox.events()[self.first_event :]

    def receive(self, event: StoredEvent, *, at_once: bool) -> None:
        delivery = self.sandbox.signed_event(event)
        headers = CaseInsensitiveDict(delivery.headers)
        code = STRIPE if event.provider == "stripe" else PAYPAL
        is_new = self.tries(
            lambda: operations.receive_event(
                provider_code=code, headers=headers, body=delivery.body, at=self.now
            ),
            allowed=True,
        )
        if is_new is None:
            return
        assert is_new == (event.id not in self.delivered)
        self.delivered.add(event.id)
        stored = ProviderEvent.objects.get(event_id=event.id)
        known = PaymentSession.objects.filter(reference=stored.reference).select_related("provider").first()
        if not at_once or not is_new or known is None:
            return
        expected, began = self.after_looking(known), self.disturbances
        self.tries(lambda: operations.process_event(event_id=stored.pk, at=self.now), allowed=True)
        self.becomes(known, expected, began)

    def everything_settles(self) -> None:
        """Every webhook comes, staff decide, the worker works: then nothing is undecided, what the providers
        took is what we booked, and every invoice can be paid that no stuck session keeps."""
        self.sandbox.faults = None
        self.sandbox.complete_pending()
        self.clear_the_desk()
        for invoice in self.invoices():
            bill = self.bill_of(invoice)
            if self.books_of(invoice).may_pay(bill) and not self.is_kept(bill):
                self.pay(invoice)
        self.clear_the_desk()
        self.the_books_are_right()
        stuck = self.follower.stuck()
        undecided = {one.pk for one in self.sessions("capturing", "pending_verification")}
        assert undecided == stuck, f"undecided are {undecided}, with a reason only {stuck}"
        ours, theirs = self.our_money(), self.their_money()
        assert ours == theirs, (
            f"we have {ours.items() - theirs.items()}, they {theirs.items() - ours.items()}"
        )
        for books in self.follower.books.values():
            still_open = [bill.pk for bill in books.bills if books.open(bill) and not self.is_kept(bill)]
            assert still_open == [], f"nobody could pay the invoices {still_open}"

    def is_kept(self, bill: Bill) -> bool:
        """Nobody else may pay while somebody's money for it is undecided."""
        attempts = [one for books in self.follower.books.values() for one in books.attempts.values()]
        return any(one.status == "capturing" and bill in [of for of, _ in one.shares] for one in attempts)

    def clear_the_desk(self) -> None:
        for event in self.events():
            self.receive(event, at_once=False)
        for payment in Payment.objects.filter(status="pending").order_by("pk"):
            stella, theo = self.world.staff
            staff = theo if payment.payer_id == stella.pk else stella
            self.decide(payment, staff, arrived=payment.pk % 2 == 0)
        for days in (1, 2, 3):
            self.now += timedelta(days=days)
            operations.reconcile(at=self.now, everything=True)
        left = [one for one in OutboxMessage.objects.exclude(status="done") if not self.is_about_stuck(one)]
        self.follower.follow()
        assert left == [], f"undelivered: {[(one.kind, one.status, one.last_error) for one in left]}"

    def is_about_stuck(self, message: OutboxMessage) -> bool:
        """A hint at a payment of which nobody knows what became of it."""
        event = ProviderEvent.objects.filter(pk=message.payload.get("event")).first()
        about = PaymentSession.objects.filter(pk__in=self.follower.stuck())
        return event is not None and about.filter(reference=event.reference).exists()

    def pay(self, invoice: Invoice) -> None:
        code = PAYPAL if self.books_of(invoice).open(self.bill_of(invoice)) < SMALLEST else STRIPE
        session = operations.initiate_payment(invoice=invoice, provider_code=code, at=self.now, by=SYSTEM)
        self.follower.follow()
        if code == PAYPAL:
            self.sandbox.approve_paypal(session.reference)
        elif self.providers.stands(session) == "awaiting":
            self.sandbox.confirm_card(session.reference, GOOD_CARD)
        told = operations.complete_payment(session=session, at=self.now, by=SYSTEM)
        assert told.status == "succeeded", told

    def our_money(self) -> dict[tuple[str, str], int]:
        rows = Payment.objects.exclude(provider__code=MANUAL).select_related("provider")
        return {(one.provider.code, one.reference): one.amount for one in rows}

    def their_money(self) -> dict[tuple[str, str], int]:
        """What the providers took on the sessions of this example."""
        known = {one.reference for one in self.sessions()}
        return self.providers.money(known)
