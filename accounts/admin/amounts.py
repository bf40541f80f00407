"""Amounts that staff type, in major units: with exactly the decimals of their currency."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import DecimalField, Form, ModelForm
from django.http import HttpRequest
from moneyed import Money
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts.admin.base import currency_field
from accounts.admin.columns import money_column
from core.errors import Invalid
from core.money import exact, plain_number, to_minor


class AmountField(DecimalField):
    """An amount of one currency: typed and shown in major units, given and answered in minor ones. Refuses
    more decimals than the currency has."""

    def __init__(self, *, currency: str, label: str = "Amount", **more: Any) -> None:
        super().__init__(label=label, max_digits=15, widget=UnfoldAdminDecimalFieldWidget(), **more)
        self.currency = currency

    def prepare_value(self, value: Any) -> Any:
        return plain_number(value, self.currency) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        if amount is None:
            return None
        try:
            return to_minor(Money(amount, self.currency))
        except Invalid as refusal:
            raise ValidationError(refusal.message) from None


class AmountForm(Form):
    """Asks for an amount of one currency before all else."""

    def __init__(self, *args: Any, currency: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields = {"amount": AmountField(currency=currency), **self.fields}


def require_decimals(form: Form, name: str) -> None:
    """Refuses, beside the field, more decimals than the currency that the form names has."""
    amount, currency = form.cleaned_data.get(name), form.cleaned_data.get("currency")
    if amount is None or not currency:
        return
    try:
        to_minor(Money(amount, currency))
    except Invalid as refusal:
        form.add_error(name, refusal.message)


class AmountInCurrencyForm(ModelForm):
    """An amount beside its currency, in major units. Their heads are no labels: each field says its name."""

    currency = currency_field()
    amount = DecimalField(max_digits=12, widget=UnfoldAdminDecimalFieldWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["amount"] = exact(self.instance.minor, self.instance.currency)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label or ""

    def clean(self) -> dict[str, Any]:
        super().clean()
        require_decimals(self, "amount")
        return self.cleaned_data


class AmountInline(TabularInline):
    """One amount for each currency."""

    form = AmountInCurrencyForm
    extra = 0
    hide_title = True
    readonly_fields = ("amount_money",)
    amount_money = money_column("minor", "Amount")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        may = self.has_change_permission(request, obj) or self.has_add_permission(request, obj)
        return ("currency", "amount" if may else "amount_money")
