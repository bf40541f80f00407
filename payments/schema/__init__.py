"""The storefront's doors to payments: a company's account and how it is paid, its invoices, its receipts."""

from payments.schema.business import PaymentsMutation, PaymentsQuery
from payments.schema.company import CompanyMutation, CompanyQuery
from payments.schema.receipts import ReceiptsQuery

__all__ = ["CompanyMutation", "CompanyQuery", "PaymentsMutation", "PaymentsQuery", "ReceiptsQuery"]
