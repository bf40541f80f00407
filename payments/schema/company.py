"""The storefront's door to a company's invoices: list, one, figures, files, and paying several at once."""

from dataclasses import asdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import graphene
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from graphene.types.generic import GenericScalar

from accounts import operations as accounts
from accounts.models import Account, Customer, Organization
from core.doors import asked_fields, customer_of
from core.errors import Invalid, NotFound
from core.money import from_minor, parse_amount
from invoices.models import Invoice, InvoiceDocument
from invoices.querysets import InvoiceFilter
from payments import operations
from payments.models import Allocation, Payment, PaymentCollection, PaymentSession
from payments.schema.filters import companies_of, invoice_filter, order_of, snake_order_of, writable
from payments.types.company import Facts, InvoiceConnection, InvoiceEdge, InvoiceType
from payments.types.connections import PAGING, page_of, told

VIEW, DETAIL, PDF, EXPORT = "get_invoices", "get_invoice_detail", "get_invoice_pdf", "export_invoices"
PAY = "pay_invoice"
DETAILS = {"details", "orderUserId"}


def _facts(info: Any, customer: Customer, rows: list[Invoice]) -> Facts:
    ids = [row.pk for row in rows]
    return Facts(
        merchant=Organization.objects.get(),
        at=timezone.now(),
        allocated_at=Allocation.objects.last_on(ids),
        pending=PaymentSession.objects.pending_on(ids),
        payable=set(
            Invoice.objects.visible_to(customer, PAY).filter(pk__in=ids).values_list("pk", flat=True)
        ),
        has_details=bool(asked_fields(info) & DETAILS),
    )


def _company_rows(info: Any) -> Any:
    rows = Invoice.objects.not_cancelled().with_standing()
    rows = rows.prefetch_related("account", "region")  # few of them, many invoices
    return rows.with_orders() if asked_fields(info) & DETAILS else rows.defer("snapshot", "description")


class InvoiceStats(graphene.ObjectType):
    """What a company owes on invoices, in its own currency: invoices in other currencies are left out."""

    total_balance = graphene.Float()
    over_due_balance = graphene.Float()
    has_due_invoice = graphene.Boolean()
    has_over_due_invoice = graphene.Boolean()


class InvoiceCustomerInformation(graphene.ObjectType):
    """The caller, and the company that they pay for."""

    company_id = graphene.String()
    company_name = graphene.String()
    payer_id = graphene.String()
    payer_name = graphene.String()


class InvoicePaymentModule(graphene.ObjectType):
    """A way to pay."""

    module_name = graphene.String()
    value = graphene.String()


class AllowMethods(graphene.ObjectType):
    """The codes of the ways to pay."""

    allow_methods = graphene.List(graphene.String)


class InvoicePaymentCart(graphene.ObjectType):
    """What a payment was for: its cart, and the page of it."""

    cart_id = graphene.String()
    cart_url = graphene.String()


class CompanyQuery:
    """What a customer sees of their companies' invoices."""

    invoices = graphene.Field(
        InvoiceConnection,
        **PAGING,
        search=graphene.String(),
        order_by=graphene.String(),
        invoice_number=graphene.String(),
        type=graphene.String(),
        order_number=graphene.String(),
        purchase_order_number=graphene.String(),
        external_customer_id=graphene.String(),
        external_id=graphene.String(),
        store_hash=graphene.String(),
        status=graphene.List(graphene.String),
        id_in=graphene.String(),
        begin_date_at=graphene.Decimal(),
        end_date_at=graphene.Decimal(),
        begin_due_date_at=graphene.Decimal(),
        end_due_date_at=graphene.Decimal(),
        company_ids=graphene.List(graphene.Int, default_value=[]),
    )
    invoice = graphene.Field(InvoiceType, invoice_id=graphene.Int(required=True))
    invoice_stats = graphene.Field(
        InvoiceStats,
        status=graphene.Int(required=True),
        decimal_places=graphene.Int(),
        company_ids=graphene.List(graphene.Int, default_value=[]),
    )
    invoice_customer_information = graphene.Field(InvoiceCustomerInformation)
    invoice_payment_modules = graphene.List(InvoicePaymentModule)
    invoice_bc_order_allow_methods = graphene.Field(AllowMethods)
    invoice_payment_bc_cart = graphene.Field(InvoicePaymentCart, payment_id=graphene.Int(required=True))

    @staticmethod
    def resolve_invoices(root, info, order_by=None, **asked):
        customer = customer_of(info, may=VIEW)
        known = _company_rows(info).visible_to(customer, VIEW)
        rows = known.filtered(invoice_filter(**asked))
        part = page_of(rows, order_of(order_by), known=known, **asked)
        facts = _facts(info, customer, part.rows)
        total = rows.count() if "totalCount" in asked_fields(info) else None
        return told(InvoiceConnection, InvoiceEdge, part, lambda row: InvoiceType.of(row, facts), total=total)

    @staticmethod
    def resolve_invoice(root, info, invoice_id):
        customer = customer_of(info, may=DETAIL)
        row = _company_rows(info).get_for(customer, invoice_id, may=DETAIL)
        return InvoiceType.of(row, _facts(info, customer, [row]))

    @staticmethod
    def resolve_invoice_stats(root, info, status, decimal_places=None, company_ids=()):
        customer = customer_of(info, may=VIEW)
        if decimal_places is not None and not 0 <= decimal_places <= 10:
            raise Invalid("decimalPlaces must be between 0 and 10", field="decimalPlaces")
        account = _company(customer, companies_of(company_ids))
        wanted = invoice_filter(status=[status], company_ids=company_ids)
        rows = Invoice.objects.visible_to(customer).not_cancelled().with_standing().filtered(wanted)
        today = Organization.objects.get().today(timezone.now())
        due, overdue = rows.filter(currency=account.currency).open_and_overdue(on=today)
        places = 4 if decimal_places is None else decimal_places
        return InvoiceStats(
            total_balance=_rounded(due + overdue, account.currency, places),
            over_due_balance=_rounded(overdue, account.currency, places),
            has_due_invoice=due > 0,
            has_over_due_invoice=overdue > 0,
        )

    @staticmethod
    def resolve_invoice_customer_information(root, info):
        customer = customer_of(info, may=VIEW)
        account = Account.objects.visible_to(customer).order_by("pk").first()
        return account and InvoiceCustomerInformation(
            company_id=str(account.pk),
            company_name=account.company_name,
            payer_id=str(customer.user.pk),
            payer_name=str(customer.user),
        )

    @staticmethod
    def resolve_invoice_payment_modules(root, info):
        customer_of(info, may=VIEW)
        return [
            InvoicePaymentModule(module_name=one.name, value=one.code)
            for one in operations.offered_anywhere()
        ]

    @staticmethod
    def resolve_invoice_bc_order_allow_methods(root, info):
        customer_of(info, may=VIEW)
        return AllowMethods(allow_methods=[one.code for one in operations.offered_anywhere()])

    @staticmethod
    def resolve_invoice_payment_bc_cart(root, info, payment_id):
        customer = customer_of(info)
        payment = Payment.objects.select_related("account", "session").get_for(
            customer, payment_id, may="get_invoice_payments_history"
        )
        if payment.own_session is None:
            raise NotFound("Payment not found", field="paymentId")
        cart = payment.own_session.collection_id
        return InvoicePaymentCart(cart_id=str(cart), cart_url=_payment_page(payment.account, cart))


def _company(customer: Customer, company_ids: Any) -> Account:
    """The company that figures are told of: the first of those that are asked for, or of the caller's."""
    accounts_seen = Account.objects.visible_to(customer).order_by("pk")
    account = (accounts_seen.filter(pk__in=company_ids) if company_ids else accounts_seen).first()
    if account is None:
        raise NotFound("Account not found", field="companyIds")
    return account


def _rounded(minor: int, currency: str, places: int) -> float:
    exact = from_minor(minor, currency).amount
    return float(exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def _payment_page(account: Account, collection_id: int) -> str:
    return f"{settings.SITE_URL}{reverse('pay', args=[account.number, collection_id])}"


class Url(graphene.ObjectType):
    """Where a file is for ten minutes; nothing while it is being made."""

    url = graphene.String()


class InvoiceFilterDataType(graphene.InputObjectType):
    """Which invoices are exported. Times are Unix seconds; `orderBy` is in snake case."""

    search = graphene.String()
    invoice_number = graphene.String()
    order_number = graphene.String()
    begin_date_at = graphene.Int()
    end_date_at = graphene.Int()
    status = graphene.List(graphene.Int)
    id_in = graphene.String()
    order_by = graphene.String()
    company_ids = graphene.List(graphene.Int)


class InvoicesExport(graphene.Mutation):
    """A CSV of invoices, by a link of the caller's own."""

    class Arguments:
        invoice_filter_data = InvoiceFilterDataType()
        lang = graphene.String()

    Output = Url

    @staticmethod
    def mutate(root, info, invoice_filter_data=None, lang=None):
        customer = customer_of(info, may=EXPORT)
        asked = dict(invoice_filter_data or {})
        order = snake_order_of(asked.pop("order_by", None))
        what = {"file": "csv", "filter": _plain(invoice_filter(**asked)), "order": order}
        return Url(url=_link(customer, what, "invoices.csv"))


class InvoicePdf(graphene.Mutation):
    """The PDF of an invoice, with a button that leads to its payment when asked."""

    class Arguments:
        invoice_id = graphene.Int(required=True)
        is_pay_now = graphene.Boolean()

    Output = Url

    @staticmethod
    def mutate(root, info, invoice_id, is_pay_now=False):
        customer = customer_of(info, may=PDF)
        invoice = Invoice.objects.not_cancelled().get_for(customer, invoice_id, may=PDF)
        kind = InvoiceDocument.Kind.PAY_NOW if is_pay_now else InvoiceDocument.Kind.PLAIN
        if not invoice.documents.filter(kind=kind).exists():
            return Url(url=None)
        what = {"file": "pdf", "invoice": invoice.pk, "kind": kind}
        return Url(url=_link(customer, what, f"{invoice.number}.pdf"))


def _plain(wanted: InvoiceFilter) -> dict[str, Any]:
    """A filter as plain JSON, without what does not count."""
    told = {name: value for name, value in asdict(wanted).items() if value}
    return {name: one.isoformat() if isinstance(one, date) else one for name, one in told.items()}


def _link(customer: Customer, what: dict[str, Any], name: str) -> str:
    signed = accounts.sign_link(customer=customer, what=what, at=timezone.now())
    return f"{settings.SITE_URL}{reverse('file', args=[signed, name])}"


class CartLineItem(graphene.InputObjectType):
    """How much of an invoice is to be paid: a decimal string in major units."""

    invoice_id = graphene.Int(required=True)
    amount = graphene.String(required=True)


class CartData(graphene.InputObjectType):
    """One payment: parts of invoices of one currency."""

    line_items = graphene.List(graphene.NonNull(CartLineItem), required=True)
    currency = graphene.String(required=True)
    details = GenericScalar(required=True)


class CartResult(graphene.ObjectType):
    """The payment's page."""

    checkout_url = graphene.String()
    cart_id = graphene.String()


class InvoiceCreateBcCart(graphene.Mutation):
    """One payment for several invoices, each in full or in part: all or nothing."""

    class Arguments:
        bc_cart_data = CartData(required=True)

    result = graphene.Field(CartResult)

    @staticmethod
    def mutate(root, info, bc_cart_data):
        customer = customer_of(info, may=PAY)
        items = bc_cart_data.line_items
        rows = Invoice.objects.select_related("account").each_for(
            customer, [item.invoice_id for item in items], may=PAY
        )
        shares = [
            operations.share_of(row, item.amount, read=parse_amount)
            for row, item in zip(rows, items, strict=True)
        ]
        collection = operations.start_joint_payment(
            account=_payer(rows),
            currency=bc_cart_data.currency,
            shares=shares,
            at=timezone.now(),
            by=customer.actor,
        )
        page = _payment_page(collection.account, collection.pk)
        return InvoiceCreateBcCart(result=CartResult(checkout_url=page, cart_id=str(collection.pk)))


def _payer(rows: list[Invoice]) -> Account:
    if not rows:
        raise Invalid("Select at least one invoice", field="lineItems")
    return rows[0].account


class InvoiceFinishBcPayment(graphene.Mutation):
    """How the payment of a cart ended, after taking what the payer authorized."""

    class Arguments:
        order_id = graphene.Int(required=True, description="The id of the cart.")
        comment = graphene.String()

    result = graphene.String(description="succeeded, manual_pending, processing or what is missing.")

    @staticmethod
    def mutate(root, info, order_id, comment=None):
        customer = customer_of(info, may=PAY)
        remark = writable(comment, field="comment")
        collection = PaymentCollection.objects.get_for(customer, order_id, may=PAY)
        accounts.count_payment_attempt(customer=customer, account_id=collection.account_id, at=timezone.now())
        outcome = operations.finish_payment(
            collection=collection, comment=remark, at=timezone.now(), by=customer.actor
        )
        return InvoiceFinishBcPayment(result=outcome.status)


class CompanyMutation:
    """What a customer does with their companies' invoices."""

    invoices_export = InvoicesExport.Field()
    invoice_pdf = InvoicePdf.Field()
    invoice_create_bc_cart = InvoiceCreateBcCart.Field()
    invoice_finish_bc_payment = InvoiceFinishBcPayment.Field()
