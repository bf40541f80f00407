from django.apps import AppConfig

from invoices.triggers import ISSUED_INVOICES


class InvoicesConfig(AppConfig):
    name = "invoices"
    triggers = ISSUED_INVOICES
