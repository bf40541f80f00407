"""Several rows at once: the list's action chooses them, a page at its own address asks before anything is
done, and the same page then tells of each row what became of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.forms import CharField, Form, HiddenInput
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.base import BackOfficeAdmin
from accounts.admin.confirming import METHODS
from accounts.querysets import parse_id
from core.errors import Refusal

MOST = 1_000
TOO_MANY = f"Choose at most {MOST:,} rows at once: narrow the list with a filter."


@dataclass(frozen=True)
class Effect:
    """What would become of one row, cell by cell; or why it is left out."""

    row: models.Model
    cells: Sequence[Any]
    refusal: str = ""


@dataclass(frozen=True)
class Question:
    """A question about several rows. `together` says the whole of it in numbers; the button carries how many.
    The columns of `numbers` are aligned as such. Each row is done on its own: one that is refused stops no
    other."""

    question: str
    columns: Sequence[str]
    effects: Sequence[Effect]
    button: str
    numbers: Sequence[str] = ()
    together: Sequence[str] = ()
    consequence: str = ""
    is_danger: bool = False
    nothing: str = "Choose rows in the list first."

    @property
    def aligned(self) -> list[int]:
        return [place for place, column in enumerate(self.columns) if column in self.numbers]

    @property
    def possible(self) -> list[Effect]:
        return [one for one in self.effects if not one.refusal]

    @property
    def refused(self) -> list[Effect]:
        return [one for one in self.effects if one.refusal]


@dataclass(frozen=True)
class Done:
    """What became of one row: words of what was done, or the refusal."""

    row: models.Model
    words: str
    is_refused: bool = False


class SeenForm(Form):
    """What the page showed of all rows together, as a code. When they are others by now, nothing is done."""

    changed = "Something has changed meanwhile. Choose the rows again"
    shown = CharField(widget=HiddenInput(), max_length=64)

    def __init__(self, data: Any, *, rows: Iterable[tuple[int, Any]]) -> None:
        codes = "\n".join(f"{pk} {shows}" for pk, shows in rows)
        self.now = sha256(codes.encode()).hexdigest()
        super().__init__(data, initial={"shown": self.now})

    def clean_shown(self) -> str:
        shown = self.cleaned_data["shown"]
        if shown != self.now:
            raise ValidationError(self.changed)
        return shown


def choose(admin: BackOfficeAdmin, request: HttpRequest, rows: QuerySet, page: str) -> HttpResponse:
    """Go on from a list to the page that asks about the chosen rows. Changes nothing of them."""
    ids = list(rows.order_by().values_list("pk", flat=True)[: MOST + 1])
    if len(ids) > MOST:
        messages.error(request, TOO_MANY)
        return redirect(request.get_full_path())
    request.session[_slot(admin, page)] = ids
    return redirect(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_{page}")


def chosen(admin: BackOfficeAdmin, request: HttpRequest, page: str) -> list[int]:
    """The ids that the page is about: those it showed, or else those that the list handed on."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        ids = [parse_id(one) for one in request.POST.get("ids", "").split(",")[: MOST + 1]]
        return [one for one in ids if one][:MOST]
    return list(request.session.get(_slot(admin, page), ()))


def _slot(admin: BackOfficeAdmin, page: str) -> str:
    return f"chosen_{admin.opts.model_name}_{page}"


def ask_many(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    question: Question,
    *,
    form: Form,
    act: Callable[..., str],
) -> HttpResponse:
    """Show what would become of each row, or do it to those that are possible and tell what came of each.
    `act(row, **form)` does one and answers words for it; a refusal is told beside its row."""
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    done: list[Done] = []
    if request.method == "POST" and question.possible and form.is_valid():
        done = [_do(one, act, form.cleaned_data) for one in question.possible]
    opts = admin.opts
    context = {
        **admin.admin_site.each_context(request),
        "title": question.question,
        "page": question,
        "form": form,
        "ids": ",".join(str(one.row.pk) for one in question.effects),
        "done": [one for one in done if not one.is_refused],
        "refused": [one for one in done if one.is_refused],
        "is_done": bool(done),
        "rows_name": opts.verbose_name_plural,
        "rows_address": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
    }
    return TemplateResponse(request, "admin/several.html", context, status=422 if form.errors else 200)


def _do(one: Effect, act: Callable[..., str], given: dict[str, Any]) -> Done:
    try:
        return Done(one.row, act(one.row, **given))
    except Refusal as refusal:
        return Done(one.row, refusal.message, is_refused=True)
