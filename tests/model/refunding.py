"""Money that goes back, money that is nobody's, and what finds both where no webhook came: the rules of staff
and of the daily comparison."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from payments import operations
from payments.models import Payment, PaymentSession, Refund
from tests.factories import MANUAL
from tests.model.books import Money
from tests.model.settling import SMALLEST, Settling
from tests.model.steps import pick
from tests.payments.callers import GOOD_CARD, an_intent

PICK = st.integers(0, 5)


class Refunding(Settling):
    """`which` picks the object, counted from the newest, and `how` the way."""

    def came(self, *, every: bool = False) -> list[Payment]:
        """Payments of which something can go back, or all of them."""
        rows = list(Payment.objects.select_related("provider").order_by("pk"))
        return rows if every else [one for one in rows if one.pk in self.money and self.money[one.pk].left]

    @property
    def money(self) -> dict[int, Money]:
        return self.follower.money

    # Staff

    @rule(which=PICK, how=PICK)
    def refund(self, which: int, how: int) -> None:
        """All of it or a part; now and then too much, without a reason or by somebody who may not."""
        payment = pick(self.came(every=which == 5), which)
        if payment is None:
            return
        money = self.money.get(payment.pk)
        left = money.left if money else payment.amount
        amount = (left, left, max(1, left // 2), max(1, left // 3), left + 1, left)[how]
        staff = self.world.clerk if (which, how) == (4, 5) else self.world.staff[0]
        reason = " " if how == 5 and which != 4 else "Sent back"
        allowed = how < 5 and money is not None and money.may_return(amount)
        code, reference = payment.provider.code, payment.reference
        can_be = code == MANUAL or amount <= self.providers.kept(code, reference)
        began, expected = self.disturbances, "done" if can_be else "failed"
        refund = self.asks_for(
            lambda: operations.refund_payment(
                payment=payment, amount=amount, reason=reason, at=self.now, staff=staff
            ),
            allowed=allowed,
        )
        if refund is not None and self.is_plain(began):
            assert Refund.objects.get(pk=refund.pk).status == expected, (
                f"refund {refund.pk} is not {expected}"
            )

    def asks_for(self, act: Callable[[], Any], *, allowed: bool) -> Any:
        """Staff ask; what is refused has written nothing."""
        began, before = self.disturbances, self.world.changes
        answer = self.tries(act, allowed=allowed)
        if not allowed and self.is_plain(began):
            assert self.world.changes == before, "it was refused, but something was written"
        return answer

    @rule(which=PICK, how=PICK)
    def assign(self, which: int, how: int) -> None:
        """Staff learn whose money it is that fits nothing."""
        payments = self.came(every=how == 4)
        payment = pick([one for one in payments if one.status == "unassigned" or how == 4], which)
        if payment is None:
            return
        money, account = self.money.get(payment.pk), self.world.accounts[how % 2]

        def act() -> bool:
            reason = " " if how == 5 else "Their bank says so"
            operations.assign_payment(
                payment=payment, account=account, reason=reason, at=self.now, staff=self.world.staff[0]
            )
            self.follower.assigned[payment.pk] = account.pk
            return True

        self.asks_for(act, allowed=how != 5 and money is not None and money.may_assign())

    @rule(which=PICK, how=PICK)
    def release(self, which: int, how: int) -> None:
        """Staff end a session that hangs."""
        session = pick(self.sessions() if how == 0 else self.sessions("capturing"), which)
        if session is None:
            return
        began, expected = self.disturbances, self.after_releasing(session)
        self.tries(
            lambda: operations.release_session(
                session=session, reason="It is over", at=self.now, staff=self.world.staff[0]
            ),
            allowed=None if expected is None else expected not in ("capturing", "other"),
        )
        self.becomes(session, session.status if expected == "other" else expected, began)

    def after_releasing(self, session: PaymentSession) -> str | None:
        """What releasing makes of a session: `capturing` and `other` are refusals. None: nobody can say."""
        if self.follower.attempt(session).status != "capturing":
            return "other"
        stands = self.providers.stands(session)
        if stands == "captured":
            payment = Payment.objects.filter(session=session).first()
            if payment is None:
                return "succeeded" if self._fits(session) else "capturing"
            return "capturing" if payment.status == "unassigned" else "failed"
        return {"awaiting": "initiated", "pending": None}.get(stands, "failed")

    # Providers

    @rule(which=PICK, how=PICK)
    def refund_elsewhere(self, which: int, how: int) -> None:
        """Somebody sends money back at the provider, without us: what is left there or a part."""
        money = self.providers.moved("capture")
        kept = {name[1]: self.providers.kept(*name) for name in money}
        reference = pick([name for name, left in kept.items() if left], which)
        if reference is not None:
            amount = (None, kept[reference], max(1, kept[reference] // 2))[how % 3]
            self.follower.elsewhere.add(self.sandbox.refund_at_dashboard(reference, amount)["id"])

    @rule(amount=st.integers(SMALLEST, 20_000), how=PICK)
    def money_of_nobody(self, amount: int, how: int) -> None:
        """A card pays the merchant for something that was never asked here."""
        with self.no_weather():
            currency = ("usd", "eur", "jpy")[how % 3]
            intent = an_intent(self.sandbox, amount=amount, currency=currency, metadata={})
            self.sandbox.confirm_card(intent.id, GOOD_CARD)
            self.sandbox.capture_at_dashboard(intent.id)

    @rule(which=PICK)
    def lose(self, which: int) -> None:
        """A webhook never comes."""
        event = pick([one for one in self.events() if one.id not in self.delivered], which)
        if event is not None:
            self.lost.add(event.id)

    # The daily comparison

    @rule()
    def compare(self, which: int = 0, how: int = 0) -> None:
        """Afterwards all that moved before this second is booked, and a second comparison finds nothing."""
        began, until = self.disturbances, int(self.now.timestamp())
        made = operations.compare(at=self.now)
        self.follower.follow()
        if not self.is_plain(began):
            return
        assert len(made) == 2
        for kind, ours in (("capture", self.our_money()), ("refund", self.our_refunds())):
            missing = self.providers.moved(kind, before=until).items() - ours.items()
            assert missing == set(), f"a comparison did not find the {kind}s {missing}"
        before, again = self.world.changes, operations.compare(at=self.now)
        assert [one.differing for one in again] == [0, 0]
        assert self.world.changes == before, "a second comparison changed something"
