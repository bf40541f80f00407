"""The page that asks before something is done: GET shows what would happen, POST does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import CharField, Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin.base import BackOfficeAdmin, in_merchant_time
from core.doors import admin_message, form_error
from core.errors import Invalid, Refusal

METHODS = ("GET", "HEAD", "POST")
NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."


@dataclass(frozen=True)
class Confirmation:
    """A question, its effect in numbers, and one button. A refusal stands in the place of the button."""

    question: str
    facts: Sequence[tuple[str, Any]]
    button: str
    done: str
    consequence: str = ""
    refusal: str = ""
    is_danger: bool = False


class ReasonForm(Form):
    """Why: kept with the row and in the audit trail."""

    reason = CharField(label="Reason", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=2000)


class NoteForm(Form):
    """Anything worth remembering."""

    reason = CharField(
        label="Note (optional)",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )


def refusal_of(question: Callable[[], Any]) -> str:
    """What an operation's own question says against it; empty when nothing."""
    try:
        question()
    except Refusal as refusal:
        return NO_PERMISSION if refusal.message == "Insufficient permissions" else refusal.message
    return ""


def posted(request: HttpRequest) -> QueryDict | None:
    """The form's input; None while the page only asks."""
    return request.POST if request.method == "POST" else None


def found(admin: BackOfficeAdmin, request: HttpRequest, object_id: str) -> Any:
    """The row an address names, for somebody who may see it. Who may not, is refused before it is looked for:
    the answer must not tell whether there is such a row."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    row = admin.get_object(request, object_id)
    if row is not None and not admin.has_view_permission(request, row):
        raise PermissionDenied
    return row


def on_row(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page about one row: `view(admin, request, row)`, drawn in the organization's time zone, for who may
    see the row."""

    @wraps(view)
    def asked(admin: BackOfficeAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
        row = found(admin, request, object_id)
        if row is None:
            return admin._get_obj_does_not_exist_redirect(request, admin.opts, object_id)
        return view(admin, request, row)

    return in_merchant_time(asked)


def confirm(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    row: models.Model,
    page: Confirmation,
    *,
    form: Form,
    act: Callable[..., Any],
    back_to: models.Model | None = None,
) -> HttpResponse:
    """Show the page, or do what it says and return to the row, or to `back_to` where the row is gone then,
    which tells what `act` answers or else that it is done. Wrong input is told beside it; any other refusal,
    such as that somebody was faster, on the row's page."""
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    back = _page_of(row)
    if request.method == "POST" and page.refusal:
        messages.error(request, page.refusal)
        return redirect(back)
    if request.method == "POST" and form.is_valid():
        try:
            done = act(**form.cleaned_data)
        except Invalid as refusal:
            form_error(form, refusal)
        except Refusal as refusal:
            admin_message(request, refusal)
            return redirect(back)
        else:
            messages.success(request, done if isinstance(done, str) else page.done)
            return redirect(_page_of(back_to) if back_to else back)
    context = {
        **admin.admin_site.each_context(request),
        "title": page.question,
        "page": page,
        "form": form,
        "back": back,
        "row": row,
        "rows_name": row._meta.verbose_name_plural,
        "rows_address": reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist"),
    }
    return TemplateResponse(request, "admin/confirmation.html", context, status=422 if form.errors else 200)


def asking(
    description: str,
    icon: str,
    ask: Callable[[Any, HttpRequest, Any], HttpResponse],
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[..., HttpResponse]:
    """The action of an admin that opens a page about one row: `ask(admin, request, row)`."""

    return action(description=description, icon=icon, variant=variant)(on_row(ask))


def _page_of(row: models.Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
