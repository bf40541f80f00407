"""How staff sign in: a password, then the code of an app. Everybody may have a second factor, staff must."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts import operations
from accounts.forms import StaffSignInForm
from accounts.views import LimitedSignIn


class StaffSignInView(LimitedSignIn, LoginView):
    """The back office's sign-in page. Who has a second factor is asked for it before there is a session."""

    template_name = "admin/login.html"
    authentication_form = StaffSignInForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return redirect("admin:index")
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.refuse_too_many()
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        return perform_login(self.request, form.get_user(), redirect_url=self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        self.count_failure()
        return super().form_invalid(form)

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        around = {
            **admin.site.each_context(self.request),
            "title": "Log in",
            "subtitle": None,
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
        }
        context = super().get_context_data(**kwargs)
        return around | context | {"next": context["next"] or self.get_default_redirect_url()}


class SetUpSecondFactorView(ActivateTOTPView):
    """Scan the code, type what the app shows. This session has then shown its second factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user = self.request.user
        pk = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP).pk
        record_authentication(self.request, user, "mfa", id=pk, type="totp", reauthenticated=True)
        operations.note_second_factor(user=user, action="set_up", at=timezone.now())
        return response


class RemoveSecondFactorView(DeactivateTOTPView):
    """For a new phone: who must have a second factor is led to set up another one at once."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        operations.note_second_factor(user=self.request.user, action="removed", at=timezone.now())
        return response


class NewRecoveryCodesView(GenerateRecoveryCodesView):
    """Ten new codes; the old ones end."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        operations.note_second_factor(user=self.request.user, action="codes_renewed", at=timezone.now())
        return response
