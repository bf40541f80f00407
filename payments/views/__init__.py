"""Pages of payments: the account, choosing what to pay, paying, one invoice."""

from payments.views.files import file
from payments.views.invoice import credit_note_pdf, invoice, invoice_pdf, invoice_pdf_state
from payments.views.listing import export, invoices
from payments.views.overview import account, accounts
from payments.views.paying import (
    complete,
    invoice_pay,
    method,
    pay,
    renew,
    return_from_provider,
    state,
    use_credit,
)
from payments.views.receipts import payment, payments, receipt_pdf
from payments.views.regions import choose_region, selected_sum
from payments.views.several import pay_several
from payments.views.statement import statement, statement_csv, statement_pdf

__all__ = [
    "account",
    "accounts",
    "choose_region",
    "complete",
    "credit_note_pdf",
    "export",
    "file",
    "invoice",
    "invoice_pay",
    "invoice_pdf",
    "invoice_pdf_state",
    "invoices",
    "method",
    "pay",
    "pay_several",
    "payment",
    "payments",
    "receipt_pdf",
    "renew",
    "return_from_provider",
    "selected_sum",
    "state",
    "statement",
    "statement_csv",
    "statement_pdf",
    "use_credit",
]
