"""The PDFs of chosen invoices as one file."""

import tempfile
import zipfile
from typing import Any

from django.contrib import admin
from django.forms import Form
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone

from accounts import operations as accounts
from accounts.admin.base import ReadOnlyAdmin, staff_of
from accounts.admin.bulk import Effect, Question, ask_many, choose, chosen
from accounts.admin.exporting import KINDS
from accounts.models import Export
from accounts.templatetags.wording import money
from core.doors import kept
from invoices import operations
from invoices.models import Invoice, InvoiceDocument

PAGE = "zip_many"
MOST_IN_MEMORY = 5 * 1024 * 1024
NOT_MADE = "It has no PDF yet. A draft gets it when it is issued, an issued invoice within a minute."


class PapersAsZip(ReadOnlyAdmin):
    """A list of invoices whose PDFs can be had together."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.zip_papers)
        own = path(f"{PAGE}/", view, name=f"invoices_invoice_{PAGE}")
        return [own, *super().get_urls()]

    @admin.action(description="PDFs as ZIP")
    def zip_many(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        return choose(self, request, queryset, PAGE)

    def zip_papers(self, request: HttpRequest) -> HttpResponseBase:
        """GET says which PDFs there are; POST hands them out, which is told in the audit trail."""
        ids = chosen(self, request, PAGE)
        rows = list(Invoice.objects.filter(pk__in=ids).select_related("account").defer("snapshot"))
        plain = InvoiceDocument.objects.filter(kind=InvoiceDocument.Kind.PLAIN, invoice__in=ids)
        made = set(plain.values_list("invoice", flat=True))
        ready = [one for one in rows if one.pk in made]
        if request.method == "POST" and ready:
            return _zipped(request, ready)
        question = Question(
            question=f"Download {len(ready)} PDFs?" if len(ready) != 1 else "Download 1 PDF?",
            columns=("Invoice", "Account", "Total"),
            effects=[
                Effect(
                    one,
                    (str(one), one.account.company_name, money(one.total_amount, one.currency)),
                    refusal="" if one.pk in made else NOT_MADE,
                )
                for one in rows
            ],
            button=f"Download {len(ready)} PDFs" if len(ready) != 1 else "Download 1 PDF",
            consequence="They come as one ZIP, each as its customer has it. "
            "That you took them is told in the audit trail.",
        )
        return ask_many(self, request, question, form=Form(), act=lambda row: "")


def _zipped(request: HttpRequest, invoices: list[Invoice]) -> HttpResponseBase:
    """One PDF in memory at a time; each is compared with its hash, as everywhere that it is given out."""
    written = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  the answer closes it
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for one in invoices:
            content = bytes(operations.document_of(one).content)
            archive.writestr(f"{str(one).replace('/', '-')}.pdf", content)
    at = timezone.now()
    name = f"invoices-{timezone.localdate(at)}.zip"
    accounts.begin_export(
        kind="invoices.invoice",
        filters=f"{len(invoices)} PDFs: {', '.join(str(one) for one in invoices)}",
        form=Export.Form.ZIP,
        name=name,
        rows=len(invoices),
        at=at,
        staff=staff_of(request),
        is_sent=True,
    )
    written.seek(0)
    return kept(FileResponse(written, content_type=KINDS[Export.Form.ZIP]), name)
