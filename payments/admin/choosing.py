"""An account that is chosen by typing a part of its name or number."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelChoiceField

from accounts.admin.base import SelectById
from accounts.models import Account
from accounts.querysets import parse_id
from payments.models import Payment


class AccountField(ModelChoiceField):
    """Answers the account that is named by its id, as the chooser sends it, or by its number."""

    def __init__(self, **more: Any) -> None:
        widget = SelectById(Payment._meta.get_field("account"), admin.site)
        super().__init__(Account.objects.all(), label="Account", widget=widget, **more)

    def to_python(self, value: Any) -> Account | None:
        if value in self.empty_values:
            return None
        found = account_named(str(value))
        if found is None:
            raise ValidationError("No account has this number")
        return found


def account_named(written: str) -> Account | None:
    """By its number, or by its id. No row holds the character NUL, and PostgreSQL refuses to look for it."""
    if "\0" in written:
        return None
    by_number = Account.objects.filter(number=written.strip()).first()
    return by_number or Account.objects.filter(pk=parse_id(written.strip())).first()
