"""How the machine takes a step: what is there, what must come of it, and what happens in between."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from core.audit import SYSTEM, Actor
from core.errors import Refusal
from invoices.models import Invoice
from payments.models import PaymentCollection, PaymentSession
from payments.operations.invariants import broken_invariants
from payments.providers.base import ProviderRefused, ProviderUnavailable
from tests import factories
from tests.examples import rolled_back
from tests.factories import MANUAL
from tests.model.books import Bill, Books
from tests.model.following import Follower, Providers
from tests.model.world import World

Row = TypeVar("Row")
ANY = "any"  # nobody can say
PATIENCE = timedelta(minutes=1)  # after it, what was right may have been left undecided for too long


def pick(rows: Sequence[Row], which: int) -> Row | None:
    """One of them, counted from the newest; None when there is none."""
    return rows[-1 - which % len(rows)] if rows else None


class Died(BaseException):
    """The process was killed where it stood. What was committed stays, and nothing else is done."""


class Steps(RuleBasedStateMachine):
    """`world` is what all examples share; each starts from it and leaves it as it was."""

    world: World
    taken = 0  # steps of all examples

    def __init__(self) -> None:
        super().__init__()
        self.example = rolled_back()
        self.example.__enter__()
        self.now = self.checked_at = factories.NOW
        self.sandbox = self.world.sandbox
        self.providers = Providers(self.sandbox)
        self.follower = Follower(self.providers, self.world.accounts)
        self.delivered: set[str] = set()
        self.lost: set[str] = set()  # events that never come
        self.between: list[tuple[int, Callable[[], None]]] = []
        self.calls = self.disturbances = 0
        self.checked = self.followed = -1  # how many changes there were then
        self.world.begin(self.at_call)

    @property
    def now(self) -> datetime:
        return self._now

    @now.setter
    def now(self, now: datetime) -> None:
        self._now = now
        self.world.clock.move_to(now)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.everything_settles()
        finally:
            self.example.__exit__(None, None, None)

    def everything_settles(self) -> None:
        raise NotImplementedError

    @invariant()
    def the_books_are_right(self) -> None:
        type(self).taken += 1
        self.now += timedelta(seconds=1)
        if self.world.ear.bugs:
            raise self.world.ear.bugs[0]
        if self.world.changes != self.checked or self.now - self.checked_at > PATIENCE:
            self.checked, self.checked_at = self.world.changes, self.now
            self.follower.follow()
            broken = [str(one) for one in broken_invariants(at=self.now)]
            assert broken == [], f"broken: {broken}"

    # What is there

    def books_of(self, row: Any) -> Books:
        return self.follower.books[row.account_id]

    def bill_of(self, invoice: Invoice) -> Bill:
        return self.follower.bills[invoice.pk]

    def left_of(self, collection: PaymentCollection) -> list[tuple[Bill, int]]:
        """What of each invoice of a payment can be paid now."""
        books = self.books_of(collection)
        covered = [
            (self.follower.bills[one.invoice_id], one.amount) for one in collection.covered.order_by("pk")
        ]
        left = [(bill, min(share, books.open(bill))) for bill, share in covered]
        return [(bill, share) for bill, share in left if share > 0]

    def sessions(self, *statuses: str) -> list[PaymentSession]:
        rows = PaymentSession.objects.select_related("provider", "collection", "account").order_by("pk")
        return list(rows.filter(status__in=statuses) if statuses else rows)

    def known_at(self, provider: str, stands: str) -> list[PaymentSession]:
        """Sessions of a provider that stand so there, whatever they are here."""
        asked = [one for one in self.sessions() if one.provider.code == provider]
        return [one for one in asked if self.providers.stands(one) == stands]

    def invoices(self) -> list[Invoice]:
        return list(Invoice.objects.order_by("pk"))

    def payer(self, how: int) -> Actor:
        """Nobody in particular, but now and then a member of staff, who must not verify that payment."""
        return self.world.staff[0].actor if how >= 4 else SYSTEM

    @contextmanager
    def no_weather(self) -> Iterator[None]:
        """For what others do at the provider."""
        weather, self.sandbox.faults = self.sandbox.faults, None
        yield
        self.sandbox.faults = weather

    # What must come of a step, where nothing else happens in between

    def is_plain(self, began: int) -> bool:
        return began == self.disturbances and self.sandbox.faults is None

    def tries(self, act: Callable[[], Row], *, allowed: bool | None) -> Row | None:
        """Do it; it must be refused exactly when it is not `allowed`. None: it may or may not be."""
        began, answer, refusal = self.disturbances, None, ""
        try:
            answer = act()
        except (Refusal, ProviderRefused, ProviderUnavailable) as error:
            refusal = repr(error)
        if self.is_plain(began) and allowed is not None:
            assert allowed == (not refusal), f"refused: {refusal}" if refusal else "this should be refused"
        return answer

    def becomes(self, session: PaymentSession, expected: str | None, began: int) -> None:
        if self.is_plain(began) and expected not in (None, ANY):
            status = PaymentSession.objects.get(pk=session.pk).status
            assert status == expected, f"session {session.pk} is {status}, not {expected}"

    def after_completing(self, session: PaymentSession) -> str | None:
        """What completing makes of a session; None: it is refused."""
        attempt, is_promise = self.follower.attempt(session), session.provider.code == MANUAL
        if attempt.status not in (("created", "initiated") if is_promise else ("initiated",)):
            return attempt.status
        if not self.books_of(session).may_complete(attempt):
            return None
        return "pending_verification" if is_promise else self._decided(session)

    def after_looking(self, session: PaymentSession) -> str:
        """What a look at the provider makes of a session."""
        attempt, stands = self.follower.attempt(session), self.providers.stands(session)
        if attempt.status == "capturing":
            return "capturing" if stands == "forgotten" else self._decided(session)
        if attempt.status != "initiated":
            return attempt.status
        may_claim = self.books_of(session).may_claim(attempt)
        if stands == "captured" and not self._fits(session):
            return "capturing" if may_claim else "cancelled"
        if stands in ("cancelled", "forgotten"):
            return "cancelled"
        may_complete = self.books_of(session).may_complete(attempt)
        return "initiated" if stands == "held" and not may_complete else self._decided(session)

    def _decided(self, session: PaymentSession) -> str:
        """What becomes of a claimed session."""
        stands = self.providers.stands(session)
        if stands == "held":
            return "initiated" if self.providers.funding(session) == "declined" else "succeeded"
        if stands == "captured":
            return "succeeded" if self._fits(session) else "capturing"
        return {"awaiting": "initiated", "cancelled": "failed", "forgotten": "failed", "pending": ANY}[stands]

    def _fits(self, session: PaymentSession) -> bool:
        return self.providers.captured(session) == session.amount

    # What happens in between

    def at_call(self, kind: str, reference: str, moment: str) -> None:
        """A provider is about to be asked, or has just answered: what was arranged happens now."""
        if self.followed != self.world.changes:
            self.followed = self.world.changes
            self.follower.follow()
        if (kind, moment) == ("capture", "before"):
            self.follower.may_capture(reference)
        self.calls += 1
        due = [act for count, act in self.between if count <= self.calls]
        self.between = [(count, act) for count, act in self.between if count > self.calls]
        for act in due:
            self.disturbances += 1
            act()
            self.follower.follow()
