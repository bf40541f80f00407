"""Documents as PDF."""

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string

from invoices.documents.credit_note import credit_note_context
from invoices.documents.paper import invoice_context
from invoices.documents.printing import print_pdf
from invoices.documents.receipt import receipt_context
from invoices.documents.statement import statement_context


def invoice_pdf(
    paper: Mapping[str, Any], *, pay_now_url: str = "", is_test_mode: bool, is_draft: bool = False
) -> bytes:
    """The PDF of an issued invoice, in the buyer's language; a draft says on every page that it is one, and
    not where to pay.

    `paper` is the snapshot that issuing froze (see `invoice_context`). With `pay_now_url`, an absolute web
    address, the Pay Now button fills its place, and nothing else differs. The same arguments give the same
    bytes. Text from the snapshot stays text; nothing is ever fetched.
    """
    if pay_now_url and not pay_now_url.startswith(("https://", "http://")):
        raise ValueError("The Pay Now button leads to a web address")
    context = invoice_context(paper, pay_now_url=pay_now_url, is_test_mode=is_test_mode)
    if is_draft:
        context |= {"is_draft": True, "transfer": None}
    return print_pdf(render_to_string("documents/invoice.html", context))


def credit_note_pdf(paper: Mapping[str, Any], *, is_test_mode: bool) -> bytes:
    """The PDF of a credit note, in the buyer's language. `paper`: see `credit_note_context`."""
    context = credit_note_context(paper, is_test_mode=is_test_mode)
    return print_pdf(render_to_string("documents/credit_note.html", context))


def receipt_pdf(paper: Mapping[str, Any], *, is_test_mode: bool) -> bytes:
    """The PDF of a receipt, in the payer's company's language. `paper`: see `receipt_context`."""
    context = receipt_context(paper, is_test_mode=is_test_mode)
    return print_pdf(render_to_string("documents/receipt.html", context))


def statement_pdf(paper: Mapping[str, Any], *, is_test_mode: bool) -> bytes:
    """The PDF of a statement of account, in the company's language. `paper`: see `statement_context`."""
    context = statement_context(paper, is_test_mode=is_test_mode)
    return print_pdf(render_to_string("documents/statement.html", context))
