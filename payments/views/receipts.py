"""The company's payments and their receipts."""

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account
from core.doors import pdf_file
from payments import operations
from payments.models import Payment
from payments.querysets import PaymentQuerySet
from payments.views.access import CustomerRequest, account_page, show
from payments.views.wording import method_words, payment_word

ROWS = 25
HISTORY = "get_invoice_payments_history"
STATES: dict[str, Callable[[PaymentQuerySet], PaymentQuerySet]] = {
    "pending": lambda rows: rows.filter(status="pending"),
    "completed": lambda rows: rows.filter(status__in=("captured", "partially_refunded")),
    "refunded": lambda rows: rows.sent_back(),
    "undone": lambda rows: rows.undone(),
    "rejected": lambda rows: rows.filter(status="failed"),
}


@require_safe
@account_page(may=HISTORY)
def payments(request: CustomerRequest, account: Account) -> HttpResponse:
    """All payments, newest first."""
    state = request.GET.get("state", "")
    mine = Payment.objects.filter(account=account).visible_to(request.customer, HISTORY)
    rows = STATES[state](mine) if state in STATES else mine
    rows = rows.with_company_details().with_refunds().order_by("-created_at", "-pk")
    page = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    context = {
        "account": account,
        "page": page,
        "state": state if state in STATES else "",
        "states": ("", *STATES),
        "rows": [(one, method_words(one), payment_word(one), _invoices(one)) for one in page],
        "has_any": bool(page.paginator.count) or mine.exists(),
    }
    if request.headers.get("HX-Request") and request.headers.get("HX-Target") == "list":
        return render(request, "payments/_payment_list.html", context | {"is_answer": True})
    return show(request, "payments/payments.html", context)


@require_safe
@account_page(may=HISTORY)
def payment(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """One payment: its receipt, once the money came."""
    row = _mine(request, account, pk)
    context = {
        "account": account,
        "payment": row,
        "receipt": getattr(row, "receipt", None),
        "method": method_words(row),
        "word": payment_word(row),
        "parts": [part for part in row.allocations.all() if part.amount > 0],
        "covered": [] if hasattr(row, "receipt") else _promised(row),
        "credit": operations.left_as_credit(row),
        "refunds": operations.came_back(row),
    }
    return show(request, "payments/payment.html", context)


@require_safe
@account_page(may=HISTORY)
def receipt_pdf(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The receipt as a file; a payment without one has none."""
    row = _mine(request, account, pk)
    return pdf_file(operations.receipt_document(row), row.receipt.number)


def _mine(request: CustomerRequest, account: Account, pk: int) -> Payment:
    rows = Payment.objects.filter(account=account).with_company_details().with_refunds()
    return rows.get_for(request.customer, pk, may=HISTORY)


def _invoices(row: Payment) -> list[Any]:
    """The invoices that it was put on, each once."""
    return list({part.invoice_id: part.invoice for part in row.allocations.all()}.values())


def _promised(row: Payment) -> list[Any]:
    session = row.own_session
    return list(session.collection.covered.select_related("invoice")) if session else []
