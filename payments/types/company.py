"""GraphQL types of company invoices. Money is a currency code and a decimal string of four places; instants
are Unix seconds."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Self
from zoneinfo import ZoneInfo

import graphene
from django.conf import settings
from graphene.types.generic import GenericScalar

from accounts.models import Account, Organization
from core.money import end_of_day, from_minor
from invoices.models import Invoice
from orders.models import Order, OrderItem
from payments.types.connections import connection_of

INVOICE = "Invoice"  # the only type of paper that this family tells of


class Money(graphene.ObjectType):
    """An amount in major units: the currency's code in upper case, and a decimal string."""

    code = graphene.String()
    value = graphene.String()

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        return cls(code=currency, value=decimal_string(minor, currency))


class StoreInfo(graphene.ObjectType):
    """The merchant."""

    name = graphene.String()
    first_name = graphene.String()
    last_name = graphene.String()
    address = graphene.String()
    country = graphene.String()
    country_code = graphene.String()
    phone = graphene.String()
    admin_email = graphene.String()


class CompanyInfo(graphene.ObjectType):
    """The company that was invoiced, as it is now."""

    company_id = graphene.String()
    company_name = graphene.String()
    company_address = graphene.String()
    company_country = graphene.String()
    company_state = graphene.String()
    company_city = graphene.String()
    company_zip_code = graphene.String()
    phone_number = graphene.String()
    bc_id = graphene.String()

    @classmethod
    def of(cls, account: Account) -> Self:
        lines = (account.billing_address_line_1, account.billing_address_line_2)
        return cls(
            company_id=str(account.pk),
            company_name=account.company_name,
            company_address=", ".join(line for line in lines if line),
            company_country=account.billing_country,
            company_state=account.billing_state,
            company_city=account.billing_city,
            company_zip_code=account.billing_postal_code,
            phone_number=account.phone,
            bc_id=account.external_id,
        )


class ExtraField(graphene.ObjectType):
    """A field of the merchant's own."""

    field_name = graphene.String()
    field_value = graphene.String()


class InvoiceType(graphene.ObjectType):
    """A company's invoice. `status`: 0 open, 1 partly paid, 2 nothing open; payments that await verification
    or are being processed count as paid, and `pendingPaymentCount` counts them."""

    id = graphene.ID(required=True)
    created_at = graphene.Int()
    updated_at = graphene.Int()
    store_hash = graphene.String()
    customer_id = graphene.String(description="The id of the company.")
    external_id = graphene.String()
    external_customer_id = graphene.String()
    invoice_number = graphene.String()
    type = graphene.String()
    due_date = graphene.Int()
    status = graphene.Int()
    order_number = graphene.String()
    purchase_order_number = graphene.String()
    details = GenericScalar()
    pending_payment_count = graphene.Int()
    source = graphene.Int()
    original_balance = graphene.Field(Money)
    open_balance = graphene.Field(Money)
    not_allowed_pay = graphene.Int(description="1 when the caller cannot pay anything on it now.")
    bc_information = graphene.String()
    extra_fields = graphene.List(ExtraField)
    time_offset = graphene.Int(description="Seconds that the merchant's clock is ahead of UTC.")
    store_info = graphene.Field(StoreInfo)
    channel_id = graphene.Int()
    channel_name = graphene.String()
    company_info = graphene.Field(CompanyInfo)
    order_user_id = graphene.Int()

    @classmethod
    def of(cls, row: Invoice, facts: "Facts") -> Self:
        """Needs `with_standing()`, the account and the region; with `facts.has_details` the orders too."""
        account, open_balance = row.account, row.open_balance
        orders = _orders(row) if facts.has_details else []
        buyer = next((order.placed_by_id for order in orders if order.placed_by_id), None)
        return cls(
            id=row.pk,
            created_at=seconds(row.created_at),
            updated_at=seconds(_moved_at(row, facts.allocated_at.get(row.pk))),
            store_hash=facts.store_hash,
            customer_id=str(row.account_id),
            external_id=row.external_id,
            external_customer_id=account.external_id,
            invoice_number=row.number,
            type=INVOICE,
            due_date=seconds(end_of_day(row.due_date, facts.merchant.time_zone)),
            status=row.standing,
            order_number=row.order_numbers,
            purchase_order_number=row.purchase_order_numbers,
            details=_details(row, orders) if facts.has_details else None,
            pending_payment_count=facts.pending.get(row.pk, 0),
            source=0,
            original_balance=Money.of(row.total_amount, row.currency),
            open_balance=Money.of(open_balance, row.currency),
            not_allowed_pay=int(row.pk not in facts.payable or open_balance <= 0),
            bc_information=None,
            extra_fields=[],
            time_offset=facts.time_offset,
            store_info=facts.store_info,
            channel_id=row.region_id,
            channel_name=row.region.name if row.region else None,
            company_info=facts.company_info(account),
            order_user_id=buyer,
        )


InvoiceConnection, InvoiceEdge = connection_of(InvoiceType, "InvoiceType")


@dataclass
class Facts:
    """What is told with every invoice of an answer, read once for all of them. By invoice: when money was put
    on it last, how many payments are pending; `payable` are those that the caller may pay."""

    merchant: Organization
    at: datetime
    allocated_at: dict[int, datetime]
    pending: dict[int, int]
    payable: set[int]
    has_details: bool

    def __post_init__(self) -> None:
        self.companies: dict[int, CompanyInfo] = {}

    def company_info(self, account: Account) -> CompanyInfo:
        if account.pk not in self.companies:
            self.companies[account.pk] = CompanyInfo.of(account)
        return self.companies[account.pk]

    @cached_property
    def store_hash(self) -> str:
        return store_hash()

    @cached_property
    def time_offset(self) -> int:
        offset = self.at.astimezone(ZoneInfo(self.merchant.time_zone)).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @cached_property
    def store_info(self) -> StoreInfo:
        merchant = self.merchant
        lines = (merchant.address_line_1, merchant.address_line_2, merchant.postal_code, merchant.city)
        return StoreInfo(
            name=merchant.name,
            first_name="",
            last_name="",
            address=", ".join(line for line in lines if line),
            country=merchant.country,
            country_code=merchant.country,
            phone=merchant.phone,
            admin_email=merchant.email,
        )


def store_hash() -> str:
    """A name of this installation that stays: ten characters made of its address."""
    return hashlib.sha256(settings.SITE_URL.encode()).hexdigest()[:10]


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def decimal_string(minor: int, currency: str) -> str:
    """`349.5000`: major units with four decimal places."""
    return f"{from_minor(minor, currency).amount:.4f}"


def _moved_at(row: Invoice, allocated_at: datetime | None) -> datetime:
    known = (row.created_at, row.sent_at, row.viewed_at, row.paid_at, row.cancelled_at, allocated_at)
    return max(moment for moment in known if moment)


def _orders(row: Invoice) -> list[Order]:
    charges = (line.account_line_item for line in row.line_items.all())
    return [charge.order for charge in charges if charge is not None and hasattr(charge, "order")]


def _details(row: Invoice, orders: list[Order]) -> dict[str, Any]:
    """What was ordered and invoiced, as plain JSON: of the orders, or of the lines where there are none."""
    paper = row.snapshot or {}
    lines = paper.get("lines", [])
    buyer = paper.get("buyer", {})
    costs = {
        "Subtotal": sum(line["net_amount"] for line in lines),
        "Taxes": sum(line["tax_amount"] for line in lines),
        "Grand Total": row.total_amount,
    }
    return {
        "type": INVOICE,
        "header": {
            "costLines": [
                {"description": name, "amount": _json_money(minor, row.currency)}
                for name, minor in costs.items()
            ],
            "orderDate": seconds(orders[0].created_at) if orders else None,
            "billingAddress": _billing_address(buyer),
            "customerFields": {},
            "shippingAddresses": [],
        },
        "details": {
            "shipments": [],
            "lineItems": [_ordered(item, row.currency) for order in orders for item in order.items.all()]
            or [_invoiced(line, row.currency) for line in lines],
        },
    }


def _json_money(minor: int, currency: str) -> dict[str, str]:
    return {"code": currency, "value": decimal_string(minor, currency)}


def _billing_address(buyer: dict[str, Any]) -> dict[str, Any]:
    return {
        "company": buyer.get("company_name", ""),
        "street1": buyer.get("billing_address_line_1", ""),
        "street2": buyer.get("billing_address_line_2", ""),
        "city": buyer.get("billing_city", ""),
        "state": buyer.get("billing_state", ""),
        "zip": buyer.get("billing_postal_code", ""),
        "country": buyer.get("billing_country", ""),
        "phone": buyer.get("phone", ""),
        "email": buyer.get("email", ""),
    }


def _line(
    sku: str, description: str, quantity: Decimal, unit_price: Decimal, currency: str
) -> dict[str, Any]:
    return {
        "sku": sku,
        "type": "product" if sku else "service",
        "comments": "",
        "quantity": f"{quantity.normalize():f}",
        "unitPrice": {"code": currency, "value": f"{unit_price:.4f}"},
        "unitDiscount": {"code": currency, "value": "0.0000"},
        "description": description,
        "customFields": {},
    }


def _ordered(item: OrderItem, currency: str) -> dict[str, Any]:
    return _line(item.sku, item.description, item.quantity, item.unit_price.amount, currency)


def _invoiced(line: dict[str, Any], currency: str) -> dict[str, Any]:
    return _line("", line["description"], Decimal(line["quantity"]), Decimal(line["unit_price"]), currency)
