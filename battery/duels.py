"""Two who want the opposite of the same thing, eight at once: each duel ends in exactly one legal state."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, User
from battery.controls import drop_index, with_slow_writes
from battery.ground import PRICE, Ground, Told
from core.audit import SYSTEM
from core.errors import Conflict, Invalid
from invoices import operations as invoices
from payments import operations
from payments.models import Payment, PaymentSession
from tests import cast, factories
from tests.factories import NOW, PAYPAL, STRIPE

FIGHTERS = 8
CHARGE, LIMIT = 30_000, 100_000  # minor units
INDEX = "charge_on_one_live_invoice"

Duel = Callable[[Ground, Account, User, int], Iterator[str]]


def _attack(duel: Duel, ground: Ground, rounds: range, *, drops: str = "") -> Told:
    told = Told()
    account, staff = factories.an_account(limit=Money(10**9, "USD")), cast.stella()
    if drops and ground.without:
        drop_index(drops)
    for number in ground.each(rounds):
        told.runs += 1
        told.violations += duel(ground, account, staff, number)
    told.violations += ground.unsound()
    return told


def _fight(ground: Ground, number: int, *acts: Callable[[], Any]) -> list[Any]:
    """Eight fighters, in an order that the seed gives; what each was told, in the order of `acts`."""
    numbered = list(enumerate(acts * (FIGHTERS // len(acts))))
    ground.random("duel", number).shuffle(numbered)
    answers = ground.at_once(*[with_slow_writes(act) for _, act in numbered])
    told = {place: answer for (place, _), answer in zip(numbered, answers, strict=True)}
    return [told[place] for place in range(FIGHTERS)]


def _unexpected(answers: list[Any]) -> Iterator[str]:
    """Who comes too late is refused; any other exception is a bug's."""
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, Conflict):
            yield f"raised {answer!r}"


def _cancel_or_pay(ground: Ground, account: Account, staff: User, number: int) -> Iterator[str]:
    invoice = factories.an_open_invoice(account)
    session = ground.agreed(invoice, ground.random("cancel", number).choice([STRIPE, PAYPAL]))
    cancel = partial(invoices.cancel_invoice, invoice=invoice, at=NOW, staff=staff, reason="Wrong")
    pay = partial(operations.complete_payment, session=session, at=timezone.now(), by=SYSTEM)
    yield from _unexpected(_fight(ground, number, cancel, pay))
    ground.deliver()
    invoice.refresh_from_db()
    ended = PaymentSession.objects.get(pk=session.pk).status, invoice.status, ground.captured(session)
    if ended not in [("succeeded", "paid", [PRICE]), ("cancelled", "cancelled", [])]:
        yield f"{invoice}: {ended}"


def _verify_or_reject(ground: Ground, account: Account, staff: User, number: int) -> Iterator[str]:
    invoice = factories.an_open_invoice(account)
    promise = factories.a_promised_payment(invoice)
    verify = partial(operations.verify_manual_payment, payment=promise, at=NOW, staff=staff)
    reject = partial(operations.reject_manual_payment, payment=promise, at=NOW, staff=staff, reason="None")
    cancel = partial(invoices.cancel_invoice, invoice=invoice, at=NOW, staff=staff, reason="Wrong")
    answers = _fight(ground, number, verify, reject, cancel, verify)
    yield from _unexpected(answers)
    decided = [answer is None for place, answer in enumerate(answers) if place % 4 != 2].count(True)
    invoice.refresh_from_db()
    promise.refresh_from_db()
    legal = [("captured", "paid"), ("failed", "sent"), ("failed", "cancelled")]
    if decided != 1 or (promise.status, invoice.status) not in legal:
        yield f"{invoice}: decided {decided} times, {promise.status} and {invoice.status}"


def _charge_or_limit(ground: Ground, account: Account, staff: User, number: int) -> Iterator[str]:
    """Room for three charges of eight."""
    small = factories.an_account(limit=Money(LIMIT // 100, "USD"))
    charge = partial(
        accounts.charge,
        account_id=small.pk,
        region=factories.a_region(),
        amount=Money(CHARGE // 100, "USD"),
        description="An order",
        at=NOW,
        by=SYSTEM,
    )
    answers = _fight(ground, number, charge)
    yield from _unexpected(answers)
    small.refresh_from_db()
    made = [answer for answer in answers if not isinstance(answer, Exception)]
    booked = len(made), small.line_items.count(), small.total_amount
    if booked != (LIMIT // CHARGE, LIMIT // CHARGE, LIMIT // CHARGE * CHARGE):
        yield f"Account {small.number}: {booked}"


def _one_charge_two_invoices(ground: Ground, account: Account, staff: User, number: int) -> Iterator[str]:
    line = factories.an_unpaid_order(account, display_id=f"L{number}")
    bill = partial(factories.an_open_invoice, account, line)
    answers = _fight(ground, number, bill)
    yield from _unexpected(answers)
    made = sum(not isinstance(answer, Exception) for answer in answers)
    live = line.invoice_lines.filter(is_live=True).count()
    if (made, live) != (1, 1):
        yield f"{line}: billed {made} times, on {live} live invoices"


def _refund_or_refund(ground: Ground, account: Account, staff: User, number: int) -> Iterator[str]:
    """Room for three refunds of eight."""
    session = ground.agreed(factories.an_open_invoice(account), STRIPE)
    operations.complete_payment(session=session, at=timezone.now(), by=SYSTEM)
    payment = Payment.objects.get(session=session)
    refund = partial(
        operations.refund_payment, payment=payment, amount=PRICE // 3, reason="No", at=NOW, staff=staff
    )
    answers = _fight(ground, number, refund)
    yield from _unexpected([answer for answer in answers if not isinstance(answer, Invalid)])
    states = sorted(payment.refunds.values_list("status", flat=True))
    ours = sum(payment.refunds.filter(status="done").values_list("amount", flat=True))
    here = [one for one in ground.sandbox.ledger() if one.reference == payment.reference]
    theirs = sum(one.amount for one in here if one.kind == "refund")
    if states != ["done"] * 3 or ours != theirs:
        yield f"{payment}: {states}, {ours} here and {theirs} at the provider"


cancel_or_pay = partial(_attack, _cancel_or_pay)
verify_or_reject = partial(_attack, _verify_or_reject)
charge_or_limit = partial(_attack, _charge_or_limit)
refund_or_refund = partial(_attack, _refund_or_refund)
one_charge_two_invoices = partial(_attack, _one_charge_two_invoices, drops=INDEX)
