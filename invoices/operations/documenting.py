"""The PDFs of an issued invoice: made by the worker from what was frozen, kept for ever."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import Conflict
from invoices.models import Invoice, InvoiceDocument
from invoices.operations.freezing import with_logo

Kind = InvoiceDocument.Kind


def make_documents(*, invoice: Invoice, pay_url: str, at: datetime) -> None:
    """Make and keep the two PDFs of an issued invoice; those that are there stay as they are. `pay_url` is
    where the button of the second leads."""
    render = import_string(settings.INVOICE_PDF)
    there = set(invoice.documents.values_list("kind", flat=True))
    if there == set(Kind):
        return
    paper = with_logo(invoice.snapshot or {})
    for kind, url in ((Kind.PLAIN, ""), (Kind.PAY_NOW, pay_url)):
        if kind in there:
            continue
        is_test_mode = settings.PAYMENTS == "sandbox"
        content = render(paper, pay_now_url=url, is_test_mode=is_test_mode)
        facts = {"content": content, "sha256": hashlib.sha256(content).hexdigest(), "created_at": at}
        InvoiceDocument.objects.get_or_create(invoice=invoice, kind=kind, defaults=facts)


def document_of(invoice: Invoice, kind: str = Kind.PLAIN) -> InvoiceDocument:
    """A PDF of the invoice, as it was made. Refuses while the worker has not made it; one that was changed
    since is not given out."""
    document = invoice.documents.filter(kind=kind).first()
    if document is None:
        raise Conflict("The PDF is being made. Try again in a moment")
    if hashlib.sha256(document.content).hexdigest() != document.sha256:
        raise RuntimeError(f"The PDF of invoice {invoice.number} is not as it was made")
    return document
