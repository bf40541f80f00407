"""Steps that come one after another, or into each other: chance alone hardly brings them about."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule

from core.audit import SYSTEM
from payments import operations
from tests.factories import MANUAL, STRIPE
from tests.model.machine import CARDS, Machine
from tests.model.refunding import PICK
from tests.model.steps import Died, pick
from tests.model.world import nothing

OUTER = st.sampled_from(
    (
        "begin",
        "choose",
        "compare",
        "complete",
        "deliver",
        "press_again",
        "reconcile",
        "refund",
        "refund",
        "work",
    )
)
AMONG = (
    *("assign", "begin", "cancel", "compare", "complete", "deliver", "expire", "pay_elsewhere"),
    *("payer_agrees", "press_again", "promise", "reconcile", "refund", "refund_elsewhere", "reject"),
    *("choose", "collect", "release", "use_credit", "verify", "work"),
)
INNER = st.lists(st.tuples(st.sampled_from(AMONG), PICK, PICK), min_size=1, max_size=2)
MOMENT = st.integers(1, 4)


def die() -> None:
    raise Died


class Crossing(Machine):
    """The whole machine."""

    # One after another

    @rule(which=PICK, how=PICK)
    def begin_and_agree(self, which: int, how: int) -> None:
        self.begin(which, how % 2)
        self.payer_agrees(0, how)

    @rule(which=PICK, how=PICK)
    def begin_and_promise(self, which: int, how: int) -> None:
        self.begin(which, 2)
        self.follower.follow()
        self.promise(0, how)

    @rule(which=PICK, how=PICK)
    def begin_and_pay_elsewhere(self, which: int, how: int) -> None:
        self.begin(which, 0)
        self.payer_agrees(0, 0)
        self.pay_elsewhere(0, how)

    def paid(self, which: int, how: int) -> None:
        """An open invoice, or several at once, is paid."""
        newest = list(reversed(self.invoices()))
        payable = [n for n, one in enumerate(newest) if self.books_of(one).may_pay(self.bill_of(one))]
        if not payable:
            return
        begin = self.collect if how in (0, 4) else self.begin
        begin(payable[which % len(payable)], how if how in (0, 4) else how % 3)
        self.follower.follow()
        session = pick(self.sessions("initiated"), 0)
        if session is None:
            return
        if session.provider.code != MANUAL:
            self.agree(session)
        self.complete(0, 1)
        self.follower.follow()
        promised = pick(self.promises(every=False), 0)
        if promised is not None:
            self.decide(promised, self.world.staff[1], arrived=True)
        self.follower.follow()

    @rule(which=PICK, how=PICK, back=PICK)
    def pay_and_refund(self, which: int, how: int, back: int) -> None:
        self.paid(which, how)
        self.refund(0, back)

    @rule(which=PICK, how=PICK, back=PICK)
    def pay_and_refund_elsewhere(self, which: int, how: int, back: int) -> None:
        self.paid(which, how)
        self.refund_elsewhere(0, back)

    # Into each other

    @rule(outer=OUTER, inner=INNER, calls=MOMENT, which=PICK, how=PICK)
    def meanwhile(
        self, outer: str, inner: list[tuple[str, int, int]], calls: int, which: int, how: int
    ) -> None:
        """Something happens while the providers are asked about something else: `calls` counts the moments
        before and after each call."""
        acts = [partial(getattr(self, name), *given) for name, *given in inner]
        self._with(acts, partial(getattr(self, outer), which, how), calls)

    @rule(outer=OUTER, calls=MOMENT, which=PICK, how=PICK)
    def dies(self, outer: str, calls: int, which: int, how: int) -> None:
        """A process is killed before or after a call."""
        self._with([die], partial(getattr(self, outer), which, how), calls)

    @rule(outer=OUTER, commits=MOMENT, which=PICK, how=PICK)
    def dies_after_a_commit(self, outer: str, commits: int, which: int, how: int) -> None:
        """A process is killed between two transactions."""
        left = iter([nothing] * (commits - 1) + [die])
        self.world.committed = lambda: next(left, nothing)()
        try:
            with suppress(Died):
                getattr(self, outer)(which, how)
        finally:
            self.world.committed = nothing

    @rule(which=PICK)
    def pays_while_we_look(self, which: int) -> None:
        """A look finds that the payer has not agreed; before that is booked the payer does, and the process
        that captured it dies. Chance alone hardly brings this about."""
        known = {one.pk for one in self.known_at(STRIPE, "awaiting")}
        session = pick([one for one in self.sessions("initiated") if one.pk in known], which)
        if session is None:
            return

        def pay_and_die() -> None:
            self.sandbox.confirm_card(session.reference, CARDS[0])
            self._with([die], lambda: operations.complete_payment(session=session, at=self.now, by=SYSTEM), 4)

        looks = partial(operations.look_at, session=session, at=self.now, by=SYSTEM)
        self._with([pay_and_die], lambda: self.tries(looks, allowed=None), 2)

    def _with(self, acts: Sequence[Callable[[], None]], outer: Callable[[], object], calls: int) -> None:
        """Do it while this happens at the moment `calls`; a process that dies then dies alone."""
        self.calls, self.between = 0, [(calls, act) for act in acts]
        try:
            with suppress(Died):
                outer()
        finally:
            self.between = []
