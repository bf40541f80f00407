"""What people fill in to sign in, to get a new password, to make a token, and to make
members."""

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

from accounts.models import Membership, User

LOCKED = "locked"
LONGEST_EMAIL = 254  # User.email's
LONGEST_PASSWORD = 4096
OWN_EMAIL_MISSING = _("Enter your e-mail")
PASSWORD_TOO_LONG = _("Use at most 4096 characters")


def _email_field(autocomplete: str, required: Any) -> forms.EmailField:
    return forms.EmailField(
        label=_("E-mail"),
        max_length=LONGEST_EMAIL,
        widget=forms.EmailInput(attrs={"autocomplete": autocomplete, "autocapitalize": "none"}),
        error_messages={
            "required": required,
            "invalid": _("Enter an e-mail address like name@example.com"),
            "max_length": _("Use at most 254 characters"),
        },
    )


def _new_password_field(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=LONGEST_PASSWORD,
        help_text=_("At least 8 characters, nothing that is easy to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Enter a new password"), "max_length": PASSWORD_TOO_LONG},
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

    login = _email_field("username", OWN_EMAIL_MISSING)
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
    email = _email_field("email", OWN_EMAIL_MISSING)


class NewPasswordForm(forms.Form):
    """A new password, typed once: it can be shown. `temp_key` is allauth's and already checked."""

    password = _new_password_field(_("New password"))

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


ROLE_LINES = {  # what a role allows, in one line each
    Membership.Role.ADMIN: _("sees and pays invoices, manages members"),
    Membership.Role.SENIOR_BUYER: _("sees invoices"),
    Membership.Role.JUNIOR_BUYER: _("sees neither"),
    Membership.Role.CUSTOM: _("what you allow below"),
}
PERMISSION_LABELS = {
    "get_invoices": _("See invoices and balances"),
    "get_invoice_detail": _("Open an invoice"),
    "get_invoice_pdf": _("Download invoices as PDF"),
    "export_invoices": _("Download lists of invoices"),
    "get_invoice_payments_history": _("See payments and receipts"),
    "pay_invoice": _("Pay invoices"),
}
LEVELS = [(0, _("None")), (1, _("Own")), (2, _("Company")), (3, _("Company and subsidiaries"))]


class RightsForm(forms.Form):
    """A role, and for a custom one the level of each permission, in a field of the permission's name."""

    role = forms.ChoiceField(
        choices=Membership.Role.choices,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a role")),
    )

    def __init__(self, *args: Any, member: Membership | None = None, **kwargs: Any) -> None:
        held = {"role": member.role, **member.permissions} if member else {}
        kwargs.setdefault("initial", held)
        super().__init__(*args, **kwargs)
        for name, label in PERMISSION_LABELS.items():
            self.fields[name] = forms.TypedChoiceField(
                label=label, choices=LEVELS, coerce=int, empty_value=0, required=False
            )

    @property
    def roles(self) -> list[tuple[str, str, Any, bool]]:
        """Value, name and line of each role, and whether it is chosen."""
        chosen = self["role"].value()
        return [(role.value, role.label, ROLE_LINES[role], role == chosen) for role in Membership.Role]

    @property
    def levels(self) -> list[forms.BoundField]:
        return [self[name] for name in PERMISSION_LABELS]

    @property
    def permissions(self) -> dict[str, int]:
        """What was chosen for a custom role; what stands in the fields of a role that was not chosen, does
        not count."""
        if self.cleaned_data["role"] != Membership.Role.CUSTOM:
            return {}
        chosen = {name: self.cleaned_data[name] for name in PERMISSION_LABELS}
        return {name: level for name, level in chosen.items() if level}


class InvitationForm(RightsForm):
    email = _email_field("off", _("Enter the e-mail of whom you invite"))
    field_order = ("email", "role")


class JoinForm(forms.Form):
    """A new user: their e-mail is the one that was invited."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter your name"), "max_length": _("Use at most 150 characters")},
    )
    password = _new_password_field(_("Password"))
