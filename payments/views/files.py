"""Files by signed links: the PDF of an invoice, a list of invoices as CSV."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import operations as accounts
from accounts.models import Customer
from core.doors import kept, pdf_file
from core.errors import NotFound
from core.money import plain_number
from core.spreadsheets import csv_lines
from invoices import operations as invoices
from invoices.models import Invoice, InvoiceDocument
from invoices.querysets import InvoiceFilter

DATES = {
    "created_from": datetime,
    "created_until": datetime,
    "issued_from": date,
    "issued_until": date,
    "due_from": date,
    "due_until": date,
    "overdue_on": date,
}
HEAD = (
    "invoice_number company_number company_name status issue_date due_date order_numbers "
    "purchase_order_numbers currency original_balance open_balance"
).split()
STANDINGS = ("open", "partly paid", "paid")


@require_safe
def file(request: HttpRequest, link: str, name: str) -> HttpResponseBase:
    """What a signed link opens, in the name and with the rights of who made it. Somebody else who is signed
    in here opens nothing with it."""
    customer, what = accounts.open_link(link, at=timezone.now())
    if request.user.is_authenticated and request.user.pk != customer.user.pk:
        raise NotFound("This link is over")
    if what["file"] == "pdf":
        rows = Invoice.objects.select_related("account")
        return pdf(rows.get_for(customer, what["invoice"], may="get_invoice_pdf"), what["kind"])
    return invoices_csv(customer, _filter(what["filter"]), what["order"])


def pdf(invoice: Invoice, kind: str) -> HttpResponse:
    """The PDF as it was made, to be kept as a file."""
    return pdf_file(invoices.document_of(invoice, kind).content, str(invoice))


def pdf_of(customer: Customer, invoice: Invoice) -> dict[str, bool]:
    """Whether this customer may have an invoice's PDF, and whether it is made."""
    may = Invoice.objects.reaches(customer, invoice, may="get_invoice_pdf")
    is_made = may and invoice.documents.filter(kind=InvoiceDocument.Kind.PLAIN).exists()
    return {"may_download": may, "has_pdf": is_made}


def invoices_csv(customer: Customer, wanted: InvoiceFilter, order: list[str]) -> StreamingHttpResponse:
    """The invoices that a filter describes."""
    rows = Invoice.objects.visible_to(customer, "export_invoices").not_cancelled().with_standing()
    return told_as_csv(rows.filtered(wanted).order_by(*order))


def told_as_csv(rows: Any) -> StreamingHttpResponse:
    """Invoices as a CSV, streamed. Needs `with_standing()`."""
    lines = csv_lines(HEAD, _told(rows))
    return kept(StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), "invoices.csv")


def _told(rows: Any) -> Iterator[tuple[Any, ...]]:
    columns = (
        "number account__number account__company_name standing issue_date due_date order_numbers "
        "purchase_order_numbers currency total_amount open_amount"
    ).split()
    for row in rows.values_list(*columns).iterator(chunk_size=2000):
        currency = row[8]
        yield (*row[:3], STANDINGS[row[3]], *row[4:9], *(plain_number(minor, currency) for minor in row[9:]))


def _filter(told: dict[str, Any]) -> InvoiceFilter:
    """A filter out of the plain JSON of a link."""
    values: dict[str, Any] = {
        name: DATES[name].fromisoformat(value)
        if name in DATES
        else tuple(value)
        if type(value) is list
        else value
        for name, value in told.items()
    }
    return InvoiceFilter(**values)
