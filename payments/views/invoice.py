"""One invoice: what it asks for, what was paid on it, what happened."""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import uuid4

from babel.numbers import format_decimal
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account, Organization
from core.doors import pdf_file
from core.money import DEFAULT_LOCALE, places
from invoices import operations as invoices
from invoices.models import CreditNote, Invoice, InvoiceDocument
from orders.models import Order
from payments.models import Payment, PaymentCollection, PaymentSession
from payments.views.access import CustomerRequest, account_page, admins_of, show
from payments.views.files import pdf, pdf_of
from payments.views.timeline import happenings
from payments.views.wording import days_late, method_words, payment_word, settled_by, settled_word


@require_safe
@account_page(may="get_invoices")
def invoice(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The invoice as it was issued and as it stands; a customer's first look is booked."""
    at, customer = timezone.now(), request.customer
    row = Invoice.objects.filter(account=account).get_for(customer, pk)
    invoices.mark_viewed(invoice=row, at=at, by=customer.actor)
    merchant, settled = Organization.objects.get(), settled_by([row])[row.pk]
    told = Payment.objects.on_invoice(row.pk).told_to(customer).with_details().with_refunds()
    payments = list(told.order_by("-created_at", "-pk"))
    sessions = PaymentSession.objects.visible_to(customer)
    history = Payment.objects.visible_to(customer, "get_invoice_payments_history")
    may_pay = Invoice.objects.reaches(customer, row, may="pay_invoice")
    context = {
        "account": account,
        "merchant": merchant,
        "invoice": row,
        "days_late": days_late(row, on=merchant.today(at)),
        "may_pay": may_pay,
        "admins": [] if may_pay else admins_of(account),
        "deciding": list(sessions.deciding_on([row])),
        "started": PaymentCollection.objects.started_for([row]).get(row.pk),
        "orders": list(Order.objects.filter(account_line_item__invoice_lines__invoice=row)),
        "lines": _lines(row),
        "totals": _totals(row),
        "settled": settled,
        "settled_word": settled_word(row, settled),
        "credit_notes": list(row.credit_notes.select_related("document")),
        "rejected": payments[0] if payments and payments[0].status == Payment.Status.FAILED else None,
        "payments": [(one, method_words(one), payment_word(one)) for one in payments],
        "happenings": happenings(row, payments, sessions),
        "readable": set(history.filter(pk__in=[one.pk for one in payments]).values_list("pk", flat=True)),
        "form_key": uuid4(),
        **pdf_of(request.customer, row),
    }
    return show(request, "payments/invoice.html", context)


@require_safe
@account_page(may="get_invoice_pdf")
def invoice_pdf(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The PDF as it was made, to be kept as a file."""
    row = Invoice.objects.filter(account=account).get_for(request.customer, pk, may="get_invoice_pdf")
    return pdf(row, InvoiceDocument.Kind.PLAIN)


@require_safe
@account_page(may="get_invoice_pdf")
def credit_note_pdf(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """A credit note's PDF, as it was made."""
    note = CreditNote.objects.filter(account=account).get_for(request.customer, pk, may="get_invoice_pdf")
    return pdf_file(invoices.document_of_credit_note(note).content, str(note))


@require_safe
@account_page(may="get_invoice_pdf")
def invoice_pdf_state(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """What a page asks that waits for the PDF."""
    row = Invoice.objects.filter(account=account).get_for(request.customer, pk, may="get_invoice_pdf")
    context = {"account": account, "invoice": row, **pdf_of(request.customer, row)}
    return render(request, "payments/_invoice_pdf.html", context)


def _lines(row: Invoice) -> list[dict[str, Any]]:
    """The lines as they were issued, numbers written for people."""
    return [
        line
        | {
            "quantity": format_decimal(Decimal(line["quantity"]), locale=DEFAULT_LOCALE),
            "unit_price": _price(Decimal(line["unit_price"]), row.currency),
            "tax_rate": f"{Decimal(line['tax_rate']).normalize():f} %",
        }
        for line in (row.snapshot or {}).get("lines", [])
    ]


def _price(price: Decimal, currency: str) -> str:
    """A unit price with all its places, at least those of its currency."""
    digits = max(places(currency), -int(price.normalize().as_tuple().exponent))
    return format_decimal(price, f"#,##0.{'0' * digits}" if digits else "#,##0", locale=DEFAULT_LOCALE)


def _totals(row: Invoice) -> dict[str, Any]:
    """Net, tax per rate and total as they were issued, in minor units."""
    lines = (row.snapshot or {}).get("lines", [])
    taxes: dict[str, int] = defaultdict(int)
    for line in lines:
        if line["tax_amount"]:
            taxes[f"{Decimal(line['tax_rate']).normalize():f} %"] += line["tax_amount"]
    return {"net": sum(line["net_amount"] for line in lines), "taxes": sorted(taxes.items())}
