"""The PDFs of chosen invoices as one file."""

import zipfile
from datetime import datetime
from typing import IO, Any

from django.contrib import admin
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils import timezone

from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.bulk import Effect, Question, ask_many, choose, chosen
from accounts.admin.zipping import give_zip
from accounts.operations.exporting import Counted
from accounts.operations.zipping import ZIPS, Zip
from accounts.templatetags.wording import money
from invoices import operations
from invoices.models import Invoice, InvoiceDocument

PAGE = "zip_many"
KIND = "invoices.papers"
CHOSEN = "id__in="  # as the address of the list names them
AT_ONCE = 100  # PDFs that are sent while somebody waits
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
            return give_zip(
                request,
                KIND,
                filters=CHOSEN + ",".join(str(one.pk) for one in ready),
                name=f"invoices-{timezone.localdate()}.zip",
                rows=len(ready),
            )
        question = Question(
            question=f"Download {len(ready)} PDFs?" if len(ready) != 1 else "Download 1 PDF?",
            columns=("Invoice", "Account", "Total"),
            numbers=("Total",),
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
            f"More than {AT_ONCE} are put together in the background; a page says how far it is. "
            "That you took them is told in the audit trail.",
        )
        return ask_many(self, request, question, form=Form(), act=lambda row: "")


def _write(file: IO[bytes], filters: str, counted: Counted, at: datetime) -> None:
    """One PDF in memory at a time; each is compared with its hash, as everywhere that it is given out."""
    rows = Invoice.objects.filter(pk__in=filters.removeprefix(CHOSEN).split(",")).defer("snapshot")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for one in counted(rows):
            content = bytes(operations.document_of(one).content)
            archive.writestr(f"{str(one).replace('/', '-')}.pdf", content)


ZIPS[KIND] = Zip("invoices.view_invoice", AT_ONCE, _write)
