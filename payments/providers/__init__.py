"""The table of payment providers. A new one is one file and one line here."""

from payments.providers.base import PaymentProvider
from payments.providers.manual import Manual
from payments.providers.paypal import PayPal
from payments.providers.stripe import Stripe

ALL: tuple[PaymentProvider, ...] = (Stripe(), PayPal(), Manual())
PROVIDERS: dict[str, PaymentProvider] = {provider.code: provider for provider in ALL}

__all__ = ["PROVIDERS"]
