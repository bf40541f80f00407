from django.apps import AppConfig

from invoices.triggers import CREDIT_NOTES, ISSUED_INVOICES


class InvoicesConfig(AppConfig):
    name = "invoices"
    triggers = ISSUED_INVOICES + CREDIT_NOTES
