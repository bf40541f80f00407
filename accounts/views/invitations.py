"""The page behind the link of an invitation."""

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import operations
from accounts.forms import JoinForm
from accounts.models import Invitation, User
from core.doors import form_error
from core.errors import NotFound, Refusal


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the offer, POST takes it: as the reader, or as a new user. Whose address belongs to a user
    already, signs in first."""
    try:
        offer = operations.find_invitation(token, at=timezone.now())
        return _offered(request, token, offer)
    except NotFound:
        return render(request, "members/invitation_over.html", status=404)


def _offered(request: HttpRequest, token: str, offer: Invitation) -> HttpResponse:
    reader = request.user if isinstance(request.user, User) else None
    is_known = User.objects.filter(email__iexact=offer.email).exists()
    must_sign_in = is_known and reader is None
    is_somebody_else = reader is not None and reader.email.lower() != offer.email
    kind = forms.Form if is_known or reader else JoinForm
    form = kind(request.POST if request.method == "POST" and not must_sign_in else None)
    if form.is_valid() and (joined := _join(request, token, reader, form)):
        return joined
    context = {
        "invitation": offer,
        "form": form,
        "must_sign_in": must_sign_in,
        "is_somebody_else": is_somebody_else,
    }
    status = 403 if is_somebody_else else 422 if form.errors else 200
    return render(request, "members/invitation.html", context, status=status)


def _join(request: HttpRequest, token: str, reader: User | None, form: forms.Form) -> HttpResponse | None:
    """On to the account; nothing when it was refused, and the form says why."""
    try:
        place = operations.accept_invitation(
            token=token,
            user=reader,
            name=form.cleaned_data.get("name", ""),
            password=form.cleaned_data.get("password", ""),
            at=timezone.now(),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        form_error(form, refusal)
        return None
    company = place.account.company_name
    messages.success(request, _("You are a member of %(company)s now.") % {"company": company})
    if reader is None:
        return perform_login(request, place.user, redirect_url=settings.LOGIN_REDIRECT_URL)
    return redirect(settings.LOGIN_REDIRECT_URL)
