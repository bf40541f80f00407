"""What people fill in to sign in, to get a new password, and to make a token."""

from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.forms import AuthenticationForm

from accounts.models import User

LOCKED = "locked"
LONGEST_EMAIL = 254  # User.email's
LONGEST_PASSWORD = 4096
PASSWORD_TOO_LONG = _("Use at most 4096 characters")


def _email_field(autocomplete: str) -> forms.EmailField:
    return forms.EmailField(
        label=_("E-mail"),
        max_length=LONGEST_EMAIL,
        widget=forms.EmailInput(attrs={"autocomplete": autocomplete, "autocapitalize": "none"}),
        error_messages={
            "required": _("Enter your e-mail"),
            "invalid": _("Enter an e-mail address like name@example.com"),
            "max_length": _("Use at most 254 characters"),
        },
    )


def locked_minutes() -> int:
    """For how many minutes too many failures lock an account for the address they came from."""
    return round(settings.AXES_COOLOFF_TIME.total_seconds() / 60)


def locked_text() -> str:
    text = ngettext(
        "Too many attempts. Try again in %(minutes)d minute or reset your password.",
        "Too many attempts. Try again in %(minutes)d minutes or reset your password.",
        locked_minutes(),
    )
    return text % {"minutes": locked_minutes()}


class SignInForm(forms.Form):
    """E-mail and password."""

    login = _email_field("username")
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=LONGEST_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password"), "max_length": PASSWORD_TOO_LONG},
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user: User | None = None

    def clean_login(self) -> str:
        return self.cleaned_data["login"].lower()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        self.user = authenticate(self.request, username=data["login"], password=data["password"])
        if self.is_locked:
            raise forms.ValidationError(locked_text(), code=LOCKED)
        if self.user is None:
            self.add_error("login", _("E-mail or password is not right."))
        return data

    @property
    def is_locked(self) -> bool:
        """Whether axes counted too many failures; then even the right password does not help."""
        return getattr(self.request, "axes_locked_out", False)

    def sign_in(self, redirect_url: str) -> HttpResponse:
        return perform_login(self.request, self.user, redirect_url=redirect_url)


class StaffSignInForm(AuthenticationForm):
    """The theme's, with an end to what is tried."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].validators.append(MaxLengthValidator(LONGEST_PASSWORD, PASSWORD_TOO_LONG))


class ForgottenPasswordForm(forms.Form):
    email = _email_field("email")


class NewPasswordForm(forms.Form):
    """A new password, typed once: it can be shown. `temp_key` is allauth's and already checked."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=LONGEST_PASSWORD,
        help_text=_("At least 8 characters, nothing that is easy to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Enter a new password"), "max_length": PASSWORD_TOO_LONG},
    )

    def __init__(self, *args: Any, user: User, temp_key: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        password_validation.validate_password(password, self.user)
        return password


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        help_text=_("What will use it, such as ERP nightly."),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": _("Enter a name for the token"),
            "max_length": _("Use at most 100 characters"),
        },
    )
    days = forms.TypedChoiceField(
        label=_("Expires after"),
        coerce=int,
        initial=90,
        choices=[(30, _("30 days")), (90, _("90 days")), (180, _("180 days")), (366, _("366 days"))],
    )
