"""How the machine ends: whatever happened, everything can be brought to its end."""

from datetime import timedelta

from requests.structures import CaseInsensitiveDict

from accounts.models import User
from core.audit import SYSTEM
from core.outbox import OutboxMessage
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentSession, ProviderEvent, ReconciliationIssue, Refund
from payments.sandbox.store import StoredEvent
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.model.steps import Steps
from tests.payments.callers import GOOD_CARD

SMALLEST = 50  # minor units that a card pays


class Settling(Steps):
    """Webhooks, staff and the end."""

    stuck: frozenset[int] = frozenset()  # sessions that hung until staff released them

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
        return [one for one in self.sandbox.events() if one.id not in self.lost]

    def receive(self, event: StoredEvent, *, at_once: bool) -> None:
        delivery = self.sandbox.signed_event(event)
        headers = CaseInsensitiveDict(delivery.headers)
        code = STRIPE if event.provider == "stripe" else PAYPAL
        was_known = ProviderEvent.objects.filter(event_id=event.id).exists()
        self.delivered.add(event.id)
        is_new = self.tries(
            lambda: operations.receive_event(
                provider_code=code, headers=headers, body=delivery.body, at=self.now
            ),
            allowed=True,
        )
        if is_new is None:
            return
        assert is_new == (not was_known)
        stored = ProviderEvent.objects.get(event_id=event.id)
        known = PaymentSession.objects.filter(reference=stored.reference).select_related("provider").first()
        if not at_once or not is_new or known is None:
            return
        expected, began = self.after_looking(known), self.disturbances
        self.tries(lambda: operations.process_event(event_id=stored.pk, at=self.now), allowed=True)
        self.becomes(known, expected, began)

    def everything_settles(self) -> None:
        """Every webhook comes that is not lost, staff decide, the worker works, and the day is compared: then
        nothing is undecided, what the providers took and sent back is what we booked, and every invoice can
        be paid."""
        self.sandbox.faults = None
        self.sandbox.complete_pending()
        self.clear_the_desk()
        self.the_books_are_right()
        undecided = {one.pk for one in self.sessions("capturing", "pending_verification")}
        assert undecided == self.stuck, f"undecided are {undecided}, with a reason only {self.stuck}"
        self.staff_decide()
        for invoice in self.invoices():
            if self.books_of(invoice).may_pay(self.bill_of(invoice)):
                self.pay(invoice)
        self.clear_the_desk()
        self.the_books_are_right()
        assert self.sessions("capturing", "pending_verification") == []
        assert [one.differing for one in operations.compare(at=self.now)] == [0, 0]
        self.it_agrees_with_the_providers()
        for books in self.follower.books.values():
            still_open = [bill.pk for bill in books.bills if books.open(bill)]
            assert still_open == [], f"nobody could pay the invoices {still_open}"

    def it_agrees_with_the_providers(self) -> None:
        for kind, ours in (("capture", self.our_money()), ("refund", self.our_refunds())):
            theirs = self.providers.moved(kind)
            more, less = ours.items() - theirs.items(), theirs.items() - ours.items()
            assert ours == theirs, f"{kind}s: we have {more}, they {less}"
        undecided = list(Refund.objects.unfinished())
        assert undecided == [], f"the refunds {undecided} are undecided"
        missing = list(ReconciliationIssue.objects.filter(kind="missing").values_list("known", flat=True))
        assert missing == [], f"the providers know all that they did, yet {missing}"

    def staff_decide(self) -> None:
        """Nobody's money is assigned or sent back, and what hangs is released."""
        stella, account = self.world.staff[0], self.world.accounts[0]
        for payment in Payment.objects.filter(status="unassigned").order_by("pk"):
            money = self.follower.money[payment.pk]
            if payment.pk % 2 and money.may_assign():
                self.follower.assigned[payment.pk] = account.pk
                operations.assign_payment(
                    payment=payment, account=account, reason="Theirs", at=self.now, staff=stella
                )
                continue
            refund = operations.refund_payment(
                payment=payment, amount=money.left, reason="Nobody's", at=self.now, staff=stella
            )
            assert refund.status == "done", f"refund {refund.pk} is {refund.status}: {refund.outcome}"
        for session in self.sessions("capturing"):
            operations.release_session(session=session, reason="It is over", at=self.now, staff=stella)
        self.follower.follow()

    def clear_the_desk(self) -> None:
        for event in self.events():
            self.receive(event, at_once=False)
        for payment in Payment.objects.filter(status="pending").order_by("pk"):
            stella, theo = self.world.staff
            staff = theo if payment.payer_id == stella.pk else stella
            self.decide(payment, staff, arrived=payment.pk % 2 == 0)
        for days in (1, 2, 3):
            self.now += timedelta(days=days)
            if days == 1:
                operations.compare(at=self.now)
            operations.reconcile(at=self.now, everything=True)
        self.stuck = self.stuck | self.follower.stuck()
        left = [one for one in OutboxMessage.objects.exclude(status="done") if not self.is_about_stuck(one)]
        self.follower.follow()
        assert left == [], f"undelivered: {[(one.kind, one.status, one.last_error) for one in left]}"

    def is_about_stuck(self, message: OutboxMessage) -> bool:
        """A hint at a payment of which nobody knows what became of it."""
        event = ProviderEvent.objects.filter(pk=message.payload.get("event")).first()
        about = PaymentSession.objects.filter(pk__in=self.stuck)
        return event is not None and about.filter(reference=event.reference).exists()

    def pay(self, invoice: Invoice) -> None:
        code = PAYPAL if self.books_of(invoice).open(self.bill_of(invoice)) < SMALLEST else STRIPE
        session = operations.initiate_payment(invoice=invoice, provider_code=code, at=self.now, by=SYSTEM)
        self.follower.follow()
        self.agree(session)
        told = operations.complete_payment(session=session, at=self.now, by=SYSTEM)
        assert told.status == "succeeded", told

    def agree(self, session: PaymentSession) -> None:
        if session.provider.code == PAYPAL:
            self.sandbox.approve_paypal(session.reference)
        elif self.providers.stands(session) == "awaiting":
            self.sandbox.confirm_card(session.reference, GOOD_CARD)

    def our_money(self) -> dict[tuple[str, str], int]:
        rows = Payment.objects.exclude(provider__code=MANUAL).select_related("provider")
        return {(one.provider.code, one.reference): one.amount for one in rows}

    def our_refunds(self) -> dict[tuple[str, str], int]:
        rows = Refund.objects.exclude(provider__code=MANUAL).filter(status="done").select_related("provider")
        return {(one.provider.code, one.reference): one.amount for one in rows}
