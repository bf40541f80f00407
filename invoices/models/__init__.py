"""Invoices and what belongs to them."""

from invoices.models.invoices import Invoice, InvoiceDocument, InvoiceLineItem

__all__ = ["Invoice", "InvoiceDocument", "InvoiceLineItem"]
