"""One invoice, paid by card, with PayPal and by bank transfer at the same moment."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from battery.controls import drop_index
from battery.ground import PRICE, Company, Ground, Told
from battery.server import Site
from core.outbox import drain
from invoices.models import Invoice
from payments import operations
from payments.models import AccountCredit, Allocation, Payment, PaymentSession
from tests import cast, factories
from tests.documents import COMPLETE
from tests.factories import MANUAL, PAYPAL, STRIPE

CALLERS = (STRIPE, PAYPAL, MANUAL, STRIPE, PAYPAL, MANUAL, STRIPE, PAYPAL)
INDEX = "invoice_captured_once_at_a_time"


def attack(ground: Ground, rounds: range) -> Told:
    told = Told(figures={"paid by card": 0, "with PayPal": 0, "by bank transfer": 0})
    company, staff = ground.company(), cast.stella()
    if ground.without:
        drop_index(INDEX)
    with ground.serve() as site:
        for number in ground.each(rounds):
            told.runs += 1
            told.violations += _paid_three_ways(ground, site, company, staff, number, told.figures)
        told.violations += site.complaints()
    told.violations += ground.unsound()
    return told


def _paid_three_ways(
    ground: Ground, site: Site, company: Company, staff: User, number: int, figures: dict[str, int]
) -> Iterator[str]:
    invoice = factories.an_open_invoice(company.account)
    sessions = {code: ground.agreed(invoice, code) for code in (STRIPE, PAYPAL, MANUAL)}
    callers = list(CALLERS)
    ground.random("three sessions", number).shuffle(callers)
    answers = ground.at_once(
        *[
            lambda pk=sessions[code].pk: site.graphql(company.token, COMPLETE, paymentSessionId=pk)
            for code in callers
        ]
    )
    for answer in answers:
        if _is_wrong(answer):
            yield f"told {answer!r}"
    for promise in Payment.objects.filter(session=sessions[MANUAL], status="pending"):
        verify = partial(operations.verify_manual_payment, payment=promise, at=timezone.now(), staff=staff)
        yield from [f"verifying raised {error!r}" for error in ground.at_once(verify) if error is not None]
    drain(at=timezone.now())
    yield from _wrong_books(ground, invoice, sessions, figures)


def _is_wrong(answer: Any) -> bool:
    """Whoever comes second is refused in proper words: nothing else may be wrong."""
    if isinstance(answer, Exception) or answer[0] != 200:
        return True
    return any(error["extensions"]["code"] != "CONFLICT" for error in answer[1].get("errors", ()))


def _wrong_books(
    ground: Ground, invoice: Invoice, sessions: dict[str, PaymentSession], figures: dict[str, int]
) -> Iterator[str]:
    invoice.refresh_from_db()
    paid = Payment.objects.filter(session__in=sessions.values(), status="captured")
    payments = list(paid.values_list("provider__code", "amount"))
    allocated = Allocation.objects.filter(invoice=invoice).aggregate(Sum("amount"))["amount__sum"] or 0
    credit = AccountCredit.objects.filter(payment__in=paid).aggregate(Sum("amount"))["amount__sum"] or 0
    provider = sum(ground.captured(*sessions.values()))
    if (invoice.status, allocated) != ("paid", PRICE):
        yield f"{invoice} is {invoice.status}, {allocated} allocated"
    if credit != sum(amount for _, amount in payments) - allocated:
        yield f"{invoice}: {credit} kept of {payments}"
    if provider != sum(amount for code, amount in payments if code != MANUAL):
        yield f"{invoice}: {provider} captured, booked {payments}"
    if len(payments) != 1:
        yield f"{invoice} was paid {len(payments)} times: {payments}"
    rows = PaymentSession.objects.filter(pk__in=[session.pk for session in sessions.values()])
    ends = sorted(rows.values_list("status", flat=True))
    if ends != ["cancelled", "cancelled", "succeeded"]:
        yield f"{invoice}: its sessions are {ends}"
    words = {STRIPE: "paid by card", PAYPAL: "with PayPal", MANUAL: "by bank transfer"}
    for code, _ in payments:
        figures[words[code]] += 1
