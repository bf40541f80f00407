"""Promises of bank transfers: the pages that ask before one, or several, are verified or rejected."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.admin.base import BackOfficeAdmin, staff_of
from accounts.admin.bulk import Effect, Question, ask_many, chosen
from accounts.admin.columns import link_to
from accounts.admin.confirming import Confirmation, NoteForm, ReasonForm, confirm, posted, refusal_of
from accounts.templatetags.wording import money, plain_money, status
from payments import operations
from payments.admin.wording import ARROW, before_after, counted, summed
from payments.models import Payment

COLUMNS = ("Account", "Amount", "Reference", "Invoices, open balance", "Account balance")
NUMBERS = ("Amount", "Account balance")
BREAK = mark_safe("<br>")
Found = list[tuple[Payment, Any]]


def ask_to_verify(payments: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    total = plain_money(payment.amount, payment.currency)
    return _ask(
        payments,
        request,
        payment,
        foresee=operations.effect_of_verifying,
        form=NoteForm,
        decide=operations.verify_manual_payment,
        question=f"Verify bank transfer of {total}?",
        button=f"Verify {total}",
        done=f"{total} from {payment.account} is verified. The receipt is on its way.",
        consequence="Verify when the money is in the bank account under this reference. The payer gets a "
        "receipt by e-mail.",
    )


def ask_to_reject(payments: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    total = plain_money(payment.amount, payment.currency)
    return _ask(
        payments,
        request,
        payment,
        foresee=operations.effect_of_rejecting,
        form=ReasonForm,
        decide=operations.reject_manual_payment,
        question=f"Reject bank transfer of {total}?",
        button=f"Reject {total}",
        done=f"{total} from {payment.account} is rejected. The payer is told why.",
        consequence="The payer reads the reason in an e-mail, and the invoice can be paid again.",
        is_danger=True,
    )


def _ask(
    payments: Any,
    request: HttpRequest,
    payment: Payment,
    *,
    foresee: Callable[[Payment], Any],
    form: type[Form],
    decide: Callable[..., Any],
    **said: Any,
) -> HttpResponse:
    """What either decision shows: the payment, and its effect while there is one."""
    staff = staff_of(request)
    facts: list[tuple[str, Any]] = [
        ("Account", link_to(payment.account)),
        ("Amount", money(payment.amount, payment.currency)),
        ("Reference", payment.reference),
        ("Promised by", link_to(payment.payer) or "–"),
        ("Promised", payment.created_at),
    ]
    if payment.status == Payment.Status.PENDING:
        facts += _effect_facts(foresee(payment), payment)
    else:
        facts.append(("Decision", payments.decision(payment)))
    refusal = refusal_of(lambda: operations.decidable(payment=payment, staff=staff))

    def act(reason: str) -> None:
        decide(payment=payment, at=timezone.now(), staff=staff, reason=reason)

    page = Confirmation(facts=facts, refusal=refusal, **said)
    return confirm(payments, request, payment, page, form=form(posted(request)), act=act)


def _effect_facts(effect: Any, payment: Payment) -> list[tuple[str, Any]]:
    """Before → after, in money."""
    moved = before_after(effect.balance_now, effect.balance_after, effect.account.currency)
    facts: list[tuple[str, Any]] = [("Account balance", moved)]
    facts += [(f"Invoice {one.invoice}", _invoice_effect(one)) for one in effect.invoices]
    if effect.credit:
        facts.append(("Kept as account credit", money(effect.credit, payment.currency)))
    return facts


def _invoice_effect(one: Any) -> SafeString:
    """The tag it has and would have, and what of it could be paid."""
    is_partly = one.invoice.paid_amount + one.paid > 0
    word = "paid" if one.becomes_paid else "partly_paid" if is_partly else "open"
    moved = format_html(ARROW, status("pending"), status(word))
    if one.becomes_paid:
        return moved
    opened = before_after(one.open_now, one.open_after, one.invoice.currency)
    return format_html("{}<br>Open balance {}", moved, opened)


def ask_to_verify_many(payments: BackOfficeAdmin, request: HttpRequest) -> HttpResponse:
    """The page that asks before several promises are booked."""

    def verify(payment: Payment, reason: str) -> str:
        operations.verify_manual_payment(
            payment=payment, at=timezone.now(), staff=staff_of(request), reason=reason
        )
        return f"{plain_money(payment.amount, payment.currency)} verified"

    possible, effects = _foreseen(payments, request, "verify_many", operations.effects_of_verifying)
    page = Question(
        question=f"Verify {counted(len(possible), 'bank transfer')}?",
        columns=COLUMNS,
        numbers=NUMBERS,
        effects=effects,
        button=f"Verify {counted(len(possible), 'payment')}",
        together=_verified(possible),
        consequence="Verify when the money is in the bank account under these references. Each is booked on "
        "its own; each payer gets a receipt by e-mail.",
    )
    return ask_many(payments, request, page, form=NoteForm(posted(request)), act=verify)


def ask_to_reject_many(payments: BackOfficeAdmin, request: HttpRequest) -> HttpResponse:
    """The page that asks before several promises are rejected, all for one reason."""

    def reject(payment: Payment, reason: str) -> str:
        operations.reject_manual_payment(
            payment=payment, at=timezone.now(), staff=staff_of(request), reason=reason
        )
        return f"{plain_money(payment.amount, payment.currency)} rejected"

    possible, effects = _foreseen(payments, request, "reject_many", operations.effects_of_rejecting)
    page = Question(
        question=f"Reject {counted(len(possible), 'bank transfer')}?",
        columns=COLUMNS,
        numbers=NUMBERS,
        effects=effects,
        button=f"Reject {counted(len(possible), 'payment')}",
        together=_rejected(possible),
        consequence="Each payer reads the reason in an e-mail.",
        is_danger=True,
    )
    form: Form = ReasonForm(posted(request))
    return ask_many(payments, request, page, form=form, act=reject)


def _foreseen(
    payments: BackOfficeAdmin,
    request: HttpRequest,
    page: str,
    foresee: Callable[[Sequence[Payment]], list[Any]],
) -> tuple[Found, list[Effect]]:
    """What would become of the chosen rows, the oldest first, as they are done."""
    staff = staff_of(request)
    ids = chosen(payments, request, page)
    rows = list(payments.get_queryset(request).filter(pk__in=ids).order_by("created_at", "pk"))
    refusals = {
        row.pk: refusal_of(lambda row=row: operations.require_decidable(row, staff=staff))  # type: ignore[misc]
        for row in rows
    }
    possible = [row for row in rows if not refusals[row.pk]]
    foreseen = dict(zip([row.pk for row in possible], foresee(possible), strict=True))
    effects = [
        Effect(row, () if refusals[row.pk] else _cells(row, foreseen[row.pk]), refusals[row.pk])
        for row in rows
    ]
    return [(row, foreseen[row.pk]) for row in possible], effects


def _cells(payment: Payment, effect: Any) -> Sequence[Any]:
    return (
        link_to(effect.account, effect.account.company_name),
        money(payment.amount, payment.currency),
        payment.reference,
        format_html_join(BREAK, "{} {}", _opened(effect)),
        before_after(effect.balance_now, effect.balance_after, effect.account.currency),
    )


def _opened(effect: Any) -> Iterable[tuple[Any, SafeString]]:
    """Each invoice, and what of it is owed now and then: what is promised is owed until it is booked."""
    for one in effect.invoices:
        invoice = one.invoice
        now = invoice.total_amount - invoice.paid_amount
        yield link_to(invoice), before_after(now, now - one.paid, invoice.currency)


def _verified(possible: Found) -> list[str]:
    """The whole of it: how much, which invoices are paid by it, how many letters go out."""
    if not possible:
        return []
    last = {one.invoice.pk: one for _, effect in possible for one in effect.invoices}
    paid = [one for one in last.values() if one.becomes_paid]
    left: Counter[str] = Counter()
    still_open = [one for one in last.values() if not one.becomes_paid]
    for one in still_open:
        left[one.invoice.currency] += one.invoice.total_amount - one.invoice.paid_amount - one.paid
    words = f"{counted(len(paid), 'invoice')} {'becomes' if len(paid) == 1 else 'become'} paid"
    if still_open:
        stay = "stays" if len(still_open) == 1 else "stay"
        words += f", {len(still_open)} {stay} open with {summed(left.items())}"
    goes = "goes" if len(possible) == 1 else "go"
    return [f"{_together(possible)} {words}. {counted(len(possible), 'receipt')} {goes} out."]


def _rejected(possible: Found) -> list[str]:
    if not possible:
        return []
    again = {one.invoice.pk for _, effect in possible for one in effect.invoices}
    words = f"{counted(len(again), 'invoice')} can be paid again."
    told = "is told" if len(possible) == 1 else "are told"
    return [f"{_together(possible)} {words} {counted(len(possible), 'payer')} {told} why."]


def _together(possible: Found) -> str:
    return f"Together {summed((payment.currency, payment.amount) for payment, _ in possible)}."
