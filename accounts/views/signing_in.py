"""Signing in and out, and a forgotten password."""

from ipaddress import ip_address
from typing import Any

from allauth.account import views as allauth
from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts import operations
from accounts.forms import ForgottenPasswordForm, NewPasswordForm, SignInForm, locked_minutes

RESET_ADDRESS = "reset_address"
LONGEST_NAME_TRIED = 255  # the column of axes


class LimitedSignIn:
    """What an address may try, whatever the names: a list of passwords is tried on many accounts. A right
    password is not refused by it less than a wrong one, or the limit would tell which is which."""

    request: HttpRequest

    def refuse_too_many(self) -> None:
        """Before a password is looked at. Refuses an address with too many failures."""
        address = address_tried_from(self.request) or ""
        wait = operations.wait_for("failures_per_address", address, at=timezone.now())
        if wait:
            raise operations.too_many("Too many attempts from your network.", wait)

    def count_failure(self) -> None:
        address = address_tried_from(self.request) or ""
        operations.count_attempts({"failures_per_address": address}, at=timezone.now())


class SignInView(LimitedSignIn, allauth.LoginView):
    """Sign in with e-mail and password. `next` is kept, and only followed to this host."""

    form_class = SignInForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.refuse_too_many()
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: SignInForm) -> HttpResponse:
        return form.sign_in(self.get_success_url())

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        self.count_failure()
        return self.render_to_response(
            self.get_context_data(form=form), status=429 if form.is_locked else 422
        )

    def get_next_url(self) -> str | None:
        url = self.request.POST.get("next") or self.request.GET.get("next")
        safe = url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )
        return url if safe else None

    def get_default_success_url(self) -> str:
        return settings.LOGIN_REDIRECT_URL

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        there = self.get_next_url()
        was_signed_in = bool(self.request.COOKIES.get(settings.SIGNED_IN_COOKIE))
        is_expired = bool(there) and was_signed_in and self.request.method == "GET"
        return super().get_context_data(**kwargs) | {"next": there, "is_expired": is_expired}


class SignOutView(allauth.LogoutView):
    """POST signs out; GET asks first."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(*args, **kwargs)
        response.delete_cookie(settings.SIGNED_IN_COOKIE, samesite="Lax")
        return response

    def get_redirect_url(self) -> str:
        return reverse("account_login")


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """What axes answers instead of `response`: the sign-in page tells it itself, others get the 429 page."""
    if response.status_code != 429:
        response = render(request, "429.html", {"minutes": locked_minutes()}, status=429)
    response["Retry-After"] = str(60 * locked_minutes())
    return response


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Under which name axes counts an attempt: the e-mail, whatever its case."""
    given = credentials or request.POST
    return str(given.get("username") or given.get("login") or "").strip().lower()[:LONGEST_NAME_TRIED]


def address_tried_from(request: HttpRequest) -> str | None:
    """From where axes counts an attempt: who connected to the outermost of our own proxies. What stands
    further left in X-Forwarded-For was written by the client, so it is never believed."""
    connected = request.META.get("REMOTE_ADDR") or None
    if settings.PROXIES < 1:
        return connected
    passed_on = request.headers.get("X-Forwarded-For", "").split(",")
    written = passed_on[-settings.PROXIES].strip() if len(passed_on) >= settings.PROXIES else ""
    try:
        return str(ip_address(written.partition("%")[0]))
    except ValueError:
        return connected


class ForgottenPasswordView(allauth.PasswordResetView):
    """Ask for a link by e-mail. The answer never tells whether the address is known."""

    form_class = ForgottenPasswordForm

    def form_valid(self, form: Form) -> HttpResponse:
        address = form.cleaned_data["email"]
        source = address_tried_from(self.request) or ""
        wait = operations.count_attempts({"resets_per_address": source}, at=timezone.now())
        if wait:
            raise operations.too_many("Too many links were asked for.", wait)
        operations.ask_for_password_reset(email=address, at=timezone.now())
        self.request.session[RESET_ADDRESS] = address
        return redirect("account_reset_password_done")

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@require_safe
def password_reset_done(request: HttpRequest) -> HttpResponse:
    address = request.session.get(RESET_ADDRESS)
    if address is None:
        return redirect("account_reset_password")
    return render(request, "account/password_reset_done.html", {"address": address})


class NewPasswordView(allauth.PasswordResetFromKeyView):
    """The page behind the link: allauth takes the key out of the address and checks it."""

    form_class = NewPasswordForm
    success_url = reverse_lazy("account_login")

    def form_valid(self, form: Form) -> HttpResponse:
        user = self.reset_user
        password = form.cleaned_data["password"]
        operations.set_password(user=user, password=password, at=timezone.now(), by=user.actor)
        messages.success(self.request, gettext("Your new password is set. Sign in with it."))
        return HttpResponseRedirect(str(self.success_url))

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)
