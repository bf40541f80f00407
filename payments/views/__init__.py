"""Pages of payments: the account, choosing what to pay, paying, one invoice."""

from payments.views.files import file
from payments.views.invoice import invoice
from payments.views.overview import account, accounts
from payments.views.paying import (
    complete,
    invoice_pay,
    method,
    pay,
    renew,
    return_from_provider,
    state,
)
from payments.views.regions import choose_region, selected_sum

__all__ = [
    "account",
    "accounts",
    "choose_region",
    "complete",
    "file",
    "invoice",
    "invoice_pay",
    "method",
    "pay",
    "renew",
    "return_from_provider",
    "selected_sum",
    "state",
]
