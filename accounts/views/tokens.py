"""Tokens of the reader's own programs."""

from datetime import timedelta
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts import operations
from accounts.forms import TokenForm
from accounts.models import CustomerToken, User
from accounts.querysets import parse_id
from core.doors import form_error
from core.errors import NotFound, Refusal


def _reader(request: HttpRequest) -> User:
    """Who reads a page that needs signing in."""
    return cast(User, request.user)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The reader's tokens and a form for one more. Only the answer to making a token shows it: a page to be
    led to would have to find it stored somewhere."""
    form = TokenForm(request.POST or None)
    token = _create_token(request, form) if request.method == "POST" and form.is_valid() else ""
    context = {
        "form": TokenForm() if token else form,
        "tokens": _reader(request).tokens.usable(at=timezone.now()),
        "new_token": token,
    }
    return render(request, "tokens/list.html", context, status=422 if form.errors else 200)


def _create_token(request: HttpRequest, form: TokenForm) -> str:
    """The new token; none when it was refused, and the form says why."""
    try:
        _, token = operations.create_token(
            user=_reader(request),
            name=form.cleaned_data["name"],
            lifetime=timedelta(days=form.cleaned_data["days"]),
            at=timezone.now(),
            by=_reader(request).actor,
        )
    except Refusal as refusal:
        form_error(form, refusal)
        return ""
    return token


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: HttpRequest, pk: str) -> HttpResponse:
    """GET asks, POST revokes. Revoking twice leads to the list again."""
    token = CustomerToken.objects.filter(user=_reader(request), pk=parse_id(pk)).first()
    if token is None:
        raise NotFound("Token not found")
    if request.method == "POST":
        operations.revoke_token(token=token, at=timezone.now(), by=_reader(request).actor)
        messages.success(request, gettext("“%(name)s” is revoked.") % {"name": token.name})
        return redirect("tokens")
    if token.revoked_at:
        return redirect("tokens")
    return render(request, "tokens/revoke.html", {"token": token})
