"""What the payment page shows: its context, its template for each state, and what its browser may load."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Organization
from core.errors import Refusal
from invoices.models import Invoice, InvoiceLineItem
from payments import operations
from payments.models import (
    AccountCredit,
    Payment,
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentSession,
)
from payments.operations import Stand, Standing
from payments.providers import PROVIDERS
from payments.views.access import CustomerRequest, see_other, show
from payments.views.wording import method_words, payer_name, settled_by, settled_word

LINES_SHOWN = 20
REASONS = {
    "insufficient_funds": _("The card does not have enough funds."),
    "expired_card": _("The card has expired."),
    "incorrect_cvc": _("The security code is not right."),
    "limit_exceeded": _("The card's limit is reached."),
    "not_supported": _("The card cannot be used for this payment."),
}
NO_REASON = _("Your bank did not say why. Try another card or ask your bank.")


def draw(
    request: CustomerRequest,
    account: Account,
    covered: Iterable[Any],
    standing: Standing,
    collection: PaymentCollection | None,
    *,
    refusal: Refusal | None = None,
) -> HttpResponse:
    """The whole page. A refusal is told at its top, unless the state tells it already. Where others pay the
    invoice together with what this customer does not see, its own page says no more than that it is paid."""
    if not may_see(request, standing):
        return see_other(request, reverse("invoice", args=[account.number, standing.invoice.pk]))
    context = standing_context(request, account, collection, standing)
    covered = list(covered)
    lines, more = _lines(standing.invoice) if len(covered) == 1 and standing.is_payable else ([], 0)
    context |= {
        "covered": covered,
        "lines": lines,
        "more_lines": more,
        "refusal": refusal if standing.is_payable else None,
        "credit": _credit(request, collection) if standing.is_payable else 0,
        "was_closed": "closed" in request.GET,
        "was_renewed": "renewed" in request.GET,
        "was_chosen": "chosen" in request.GET,
    }
    response = show(request, "payments/pay.html", context, status=422 if context["refusal"] else 200)
    if context["panel"]:
        _allow_provider(response, context["chosen"])
    return response


def standing_context(
    request: CustomerRequest, account: Account, collection: PaymentCollection | None, standing: Standing
) -> dict[str, Any]:
    """What page and fragments say of a payment."""
    session, user_id = standing.session, request.customer.user.pk
    context = {
        "account": account,
        "merchant": Organization.objects.get(),
        "collection": collection,
        "invoice": standing.invoice,
        "currency": standing.invoice.currency,
        "standing": standing,
        "is_running": standing.stand in operations.RUNNING,
        "is_error": standing.stand in (Stand.DECLINED, Stand.UNCONFIRMED),
        "session": session,
        "payer": request.customer.user,
        "reason": REASONS.get(session.decline_reason, NO_REASON) if session else "",
        "starter": payer_name(session, user_id=user_id) if session and standing.stand is Stand.BUSY else "",
        "is_checked_at_paypal": session is not None and session.provider_status == "PENDING",
        "here": _here(account, collection, standing.invoice),
        "settled_word": _word(standing.invoice) if standing.stand is Stand.PAID else "",
        "paid": _paid(request, standing) if standing.stand is Stand.PAID else None,
        "is_open": collection is not None and any(not _is_paid(one) for one in collection.covered.all()),
    }
    return context | _methods(standing, collection)


def may_see(request: CustomerRequest, standing: Standing) -> bool:
    """Whether this customer may be told of the payment that decides on one of their invoices."""
    session = standing.session
    return (
        session is None
        or session.payer_id == request.customer.user.pk
        or PaymentSession.objects.reaches(request.customer, session, may="pay_invoice")
    )


def _credit(request: CustomerRequest, collection: PaymentCollection | None) -> int:
    """What the account has left as credit in the payment's currency, for who may use it."""
    if collection is None or not request.customer.may("pay_invoice", account_id=collection.account_id):
        return 0
    credits = AccountCredit.objects.filter(account=collection.account_id, currency=collection.currency)
    return sum(one.left for one in credits.with_left())


def _here(account: Account, collection: PaymentCollection | None, invoice: Invoice) -> str:
    """The address of this payment page."""
    if collection is None:
        return reverse("invoice_pay", args=[account.number, invoice.pk])
    return reverse("pay", args=[account.number, collection.pk])


def _methods(standing: Standing, collection: PaymentCollection | None) -> dict[str, Any]:
    """The ways to pay that are offered, and the panel of the chosen one once it is open at its provider."""
    if not standing.is_payable and standing.stand is not Stand.CHANGED:
        return {"methods": [], "chosen": "", "panel": "", "script": ""}
    invoices = [one.invoice for one in collection.covered.all()] if collection else [standing.invoice]
    methods = [PROVIDERS[one.code] for one in operations.offered_for(invoices)]
    codes = [one.code for one in methods]
    chosen = _chosen(standing.session, collection)
    chosen = chosen if chosen in codes else next(iter(codes), "")
    session = standing.session
    is_open = session is not None and session.is_initiated and session.provider.code == chosen
    return {
        "methods": methods,
        "chosen": chosen,
        "panel": f"payments/panels/{chosen}.html" if is_open and standing.is_payable else "",
        "script": PROVIDERS[chosen].script_url(currency=standing.invoice.currency) if chosen else "",
    }


def _chosen(session: PaymentSession | None, collection: PaymentCollection | None) -> str:
    """The chosen method; of a collection whose chosen session has ended, the last one chosen."""
    if session is not None:
        return session.provider.code
    sessions = collection.sessions.all() if collection else ()
    return next((one.provider.code for one in sessions if one.is_selected), "")


def _lines(invoice: Invoice) -> tuple[list[InvoiceLineItem], int]:
    """The first lines of an invoice, and how many more there are."""
    count = len((invoice.snapshot or {}).get("lines", []))
    return list(InvoiceLineItem.objects.filter(invoice=invoice)[:LINES_SHOWN]), max(0, count - LINES_SHOWN)


def _is_paid(item: PaymentCollectionInvoice) -> bool:
    return item.invoice.status == Invoice.Status.PAID


def _word(invoice: Invoice) -> str:
    return settled_word(invoice, settled_by([invoice])[invoice.pk])


def _paid(request: CustomerRequest, standing: Standing) -> dict[str, Any] | None:
    """What was paid here, or else the payment that paid the invoice last, of those that this customer is told
    of."""
    payments = Payment.objects.with_details().captured().told_to(request.customer, "pay_invoice")
    if standing.session is not None:
        payments = payments.filter(session=standing.session)
    else:
        payments = payments.filter(allocations__invoice=standing.invoice)
    payment = payments.order_by("-captured_at", "-pk").first()
    if payment is None:
        return None
    return {"payment": payment, "method": method_words(payment), "by": payment.payer}


def _allow_provider(response: HttpResponse, code: str) -> None:
    """Let this page, and no other, load what the chosen provider needs, and keep hold of its window."""
    origins = PROVIDERS[code].csp_origins()
    update = {
        "script-src": origins.script,
        "frame-src": origins.frame,
        "connect-src": origins.connect,
        "form-action": origins.form_action,
    }
    needed = {kind: list(allowed) for kind, allowed in update.items() if allowed}
    setattr(response, "_csp_update", needed)  # noqa: B010 as django-csp's own decorator does
    if origins.script:
        response["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
