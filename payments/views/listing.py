"""The company's invoices: searched, filtered, sorted and paged by the address alone; as a page and as CSV."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account, Organization
from invoices.models import Invoice
from invoices.querysets import InvoiceFilter
from payments.forms import InvoiceSearchForm
from payments.views.access import CustomerRequest, account_page, show
from payments.views.files import told_as_csv
from payments.views.wording import days_late, settled_by, settled_word

ROWS = 25
MOST_SELECTED = 100
SORTS = {
    "number": ("year", "sequence", "number", "pk"),
    "issued": ("issue_date", "pk"),
    "due": ("due_date", "pk"),
    "total": ("total_amount", "pk"),
    "open": ("open_amount", "pk"),
}
LARGEST_FIRST = ("issued", "total", "open")


@require_safe
@account_page(may="get_invoices")
def invoices(request: CustomerRequest, account: Account) -> HttpResponse:
    """The list. A script asks for its part alone."""
    today = Organization.objects.get().today(timezone.now())
    form = InvoiceSearchForm(request.GET)
    mine = Invoice.objects.filter(account=account).visible_to(request.customer).with_standing()
    found = _found(mine, form, on=today)
    page = Paginator(found.defer("snapshot", "description"), ROWS).get_page(request.GET.get("page"))
    totals = mine.open_by_currency(on=today)
    settled = settled_by(list(page.object_list))
    payable = _payable(request, account, page.object_list)
    context = {
        "account": account,
        "form": form,
        "page": page,
        "rows": [
            (one, days_late(one, on=today), one.pk in payable, settled_word(one, settled[one.pk]))
            for one in page.object_list
        ],
        "has_any": bool(page.paginator.count) or mine.exists(),
        "chips": _chips(request, form, mine, on=today),
        "dates": [
            (field, _address(request, **{field.name: None})) for field in form if field.name in form.day_names
        ],
        "heads": _heads(request, form),
        "totals": totals,
        "is_overdue": any(one["overdue"] for one in totals),
        "selection": _selection(request, account, page.object_list),
        "here": _address(request, page=None),
        "clear": "?",
        "may_pay": request.customer.may_some("pay_invoice", account_id=account.pk),
        "may_export": request.customer.may_some("export_invoices", account_id=account.pk),
    }
    if request.headers.get("HX-Request") and request.headers.get("HX-Target") == "list":
        return render(request, "payments/_invoice_list.html", context | {"is_answer": True})
    return show(request, "payments/invoices.html", context)


@require_safe
@account_page(may="export_invoices")
def export(request: CustomerRequest, account: Account) -> HttpResponseBase:
    """What the list shows, all its pages, as CSV."""
    today = Organization.objects.get().today(timezone.now())
    rows = Invoice.objects.filter(account=account).visible_to(request.customer, "export_invoices")
    return told_as_csv(_found(rows.with_standing(), InvoiceSearchForm(request.GET), on=today))


def _found(rows: Any, form: InvoiceSearchForm, *, on: date) -> Any:
    """The rows that the address asks for, in its order. What it asks for that makes no sense counts as not
    asked, and the form says so."""
    wanted = InvoiceFilter(search=form.text, **form.dates)
    return _in_state(rows.filtered(wanted), form.chosen_state, on=on).order_by(*_order(form.chosen_sort))


def _in_state(rows: Any, state: str, *, on: date) -> Any:
    narrowed = {
        "open": rows.open,
        "overdue": lambda: rows.overdue(on=on),
        "partly": rows.partly_paid,
        "paid": rows.paid,
    }
    return narrowed[state]() if state in narrowed else rows


def _order(sort: str) -> list[str]:
    columns = SORTS[sort.removeprefix("-")]
    return [f"-{column}" for column in columns] if sort.startswith("-") else list(columns)


def _address(request: CustomerRequest, **changes: Any) -> str:
    """This list with something else asked for; without a page, which belongs to what was asked before."""
    asked: dict[str, list[str] | None] = {name: values for name, values in request.GET.lists() if any(values)}
    asked |= {"page": None} | {name: [value] if value else None for name, value in changes.items()}
    return "?" + urlencode({name: values for name, values in asked.items() if values}, doseq=True)


def _chips(
    request: CustomerRequest, form: InvoiceSearchForm, mine: Any, *, on: date
) -> list[tuple[Any, ...]]:
    counts = {"open": mine.open().count(), "overdue": mine.overdue(on=on).count()}
    return [
        (state, _address(request, state=state), form.chosen_state == state, counts.get(state))
        for state in ("", *form.STATES)
    ]


def _heads(request: CustomerRequest, form: InvoiceSearchForm) -> dict[str, tuple[str, str]]:
    """By column: where its head leads, and how the list is sorted by it now."""
    heads = {}
    for name in SORTS:
        current = {name: "ascending", f"-{name}": "descending"}.get(form.chosen_sort, "")
        is_next_down = form.chosen_sort == name or (not current and name in LARGEST_FIRST)
        way = f"-{name}" if is_next_down else name
        heads[name] = (_address(request, sort=way), current)
    return heads


def _payable(request: CustomerRequest, account: Account, rows: Any) -> set[int]:
    """Those of the page on which this customer can pay something now."""
    open_rows = [one.pk for one in rows if one.status == Invoice.Status.SENT and one.open_balance > 0]
    mine = Invoice.objects.visible_to(request.customer, "pay_invoice")
    return set(mine.filter(account=account, pk__in=open_rows).values_list("pk", flat=True))


def _selection(request: CustomerRequest, account: Account, shown: Any) -> dict[str, Any]:
    """The invoices that are ticked, on this page and on others, and what is open on them."""
    ids = [int(one) for one in request.GET.getlist("id") if one.isascii() and one.isdigit() and len(one) < 19]
    mine = Invoice.objects.visible_to(request.customer, "pay_invoice").filter(account=account, status="sent")
    chosen = list(mine.filter(pk__in=ids[:MOST_SELECTED])) if ids else []
    sums: dict[str, int] = {}
    for one in chosen:
        sums[one.currency] = sums.get(one.currency, 0) + one.open_balance
    here = {one.pk for one in shown}
    return {
        "ids": {one.pk for one in chosen},
        "elsewhere": [one for one in chosen if one.pk not in here],
        "count": len(chosen),
        "sums": sorted(sums.items(), key=lambda one: (-one[1], one[0])),
    }
