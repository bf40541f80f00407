"""Invoice everything that was charged in a period and stands on no invoice, of all accounts at once."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import DateField, Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin.base import ReadOnlyAdmin, in_merchant_time, staff_of
from accounts.admin.columns import link_to
from accounts.admin.confirming import METHODS, NO_PERMISSION
from accounts.models import Organization
from core.doors import form_error
from core.errors import Invalid, Refusal
from core.money import format_minor
from invoices import operations as invoices
from invoices.operations import Unbilled
from invoices.operations.drafting import ISSUE
from payments.admin.wording import summed


class PeriodForm(Form):
    """Of which days charges are billed, both included."""

    first = DateField(
        label="Charged from",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="Empty: since ever.",
    )
    last = DateField(label="Charged until", widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))


class BillingPages(ReadOnlyAdmin):
    @action(description="Invoice everything unbilled", icon="playlist_add_check")
    @in_merchant_time
    def bill_unbilled(self, request: HttpRequest) -> HttpResponse:
        """GET shows what would be issued; POST issues it, each invoice on its own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        today = Organization.objects.get().today(timezone.now())
        form = PeriodForm(request.GET if "last" in request.GET else {"last": today})
        found: list[Unbilled] = []
        if form.is_valid():
            try:
                found = invoices.unbilled_by_account(**form.cleaned_data)
            except Invalid as refusal:
                form_error(form, refusal)
        may = staff_of(request).has_perm(ISSUE)
        done: list[tuple[Unbilled, Any, bool]] = []
        if request.method == "POST" and may:
            wanted = set(request.POST.getlist("groups"))
            done = [_bill(request, one, form.cleaned_data) for one in found if one.key in wanted]
        context = {
            **self.admin_site.each_context(request),
            "title": "Invoice everything unbilled",
            "rows_name": self.opts.verbose_name_plural,
            "rows_address": reverse("admin:invoices_invoice_changelist"),
            "form": form,
            "found": [(one, format_minor(one.total, one.region.currency)) for one in found],
            "together": summed((one.region.currency, one.total) for one in found),
            "refusal": "" if may else NO_PERMISSION,
            "is_done": request.method == "POST" and may,
            "done": done,
        }
        return TemplateResponse(request, "admin/bill_unbilled.html", context)


def _bill(request: HttpRequest, one: Unbilled, days: dict[str, date | None]) -> tuple[Unbilled, Any, bool]:
    """What became of one: a link to its invoice, or why there is none."""
    try:
        made = invoices.bill_unbilled(unbilled=one, at=timezone.now(), staff=staff_of(request), **days)
    except Refusal as refusal:
        return one, refusal.message, False
    return one, link_to(made), True
