"""Search in the back office: one field for numbers, amounts, companies and providers' references."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import SearchResult

from accounts.admin.base import in_merchant_time
from accounts.models import Account
from accounts.templatetags.wording import plain_money
from payments import reporting


def viewable(request: HttpRequest) -> list[str]:
    """The kinds of rows that are searched and that the reader may see."""
    return [kind for kind in reporting.SEARCHES if _may_view(request, kind)]


def _may_view(request: HttpRequest, kind: str) -> bool:
    app, model = kind.split(".")
    return request.user.has_perm(f"{app}.view_{model}")


def _address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _detail(row: Any) -> str:
    """Whose it is and how much, in words."""
    if isinstance(row, Account):
        return row.get_status_display()
    account = getattr(row, "account", None)
    minor = getattr(row, "total_amount", None)
    minor = getattr(row, "amount", None) if minor is None else minor
    parts = [account.company_name if account else "", plain_money(minor, row.currency)]
    return ", ".join(part for part in parts if part)


@in_merchant_time
def find(request: HttpRequest) -> HttpResponse:
    """Where somebody lands who searched: on the one row there is, or on all that fit, by kind."""
    text = request.GET.get("q", "").replace("\0", "").strip()[: reporting.LONGEST]
    found = reporting.find(text, kinds=viewable(request))
    if (row := reporting.only_hit(text, found)) is not None:
        return redirect(_address(row))
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "q": text,
        "groups": [
            (
                one.rows[0]._meta.verbose_name_plural,
                [(_address(row), str(row), _detail(row)) for row in one.rows],
                _all_of(one.kind, text) if one.has_more else "",
            )
            for one in found
        ],
    }
    return TemplateResponse(request, "admin/find.html", context)


def _all_of(kind: str, text: str) -> str:
    return reverse(f"admin:{kind.replace('.', '_')}_changelist", query={"q": text})


def command_results(request: HttpRequest, text: str) -> list[SearchResult]:
    """The same for the theme's own search, Ctrl K."""
    return [
        SearchResult(title=str(row), description=_detail(row), link=_address(row), icon="search")
        for one in reporting.find(text, kinds=viewable(request))
        for row in one.rows
    ]
