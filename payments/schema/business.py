"""The storefront's door to a company's account and its payments."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import graphene
from django.utils import timezone

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Customer, Organization, Region
from accounts.querysets import parse_id
from accounts.types import JSON
from core.doors import asked_fields, customer_of
from core.errors import Invalid, NotFound
from core.money import DEFAULT_LOCALE, format_minor
from invoices import operations as invoices
from invoices.models import Invoice as InvoiceRow
from invoices.models import InvoiceLineItem as LineRow
from payments import operations
from payments.models import PaymentCollection
from payments.models import PaymentSession as SessionRow
from payments.types import (
    Invoice,
    InvoiceCreationResult,
    InvoicePaymentResult,
    PaymentSession,
    account_overview,
    paid_invoice,
    unpaid_by_region,
)

LARGEST_PAGE = 100
LINE_ITEMS_SHOWN = 50


class PaymentsQuery:
    """What a customer sees of their accounts and payments."""

    get_customer_accounts = JSON(limit=graphene.Int(default_value=10), offset=graphene.Int(default_value=0))
    get_customer_account = JSON(account_id=graphene.ID(required=True))
    get_unpaid_line_items_by_region = JSON(account_id=graphene.ID(required=True))
    get_customer_paid_invoices = JSON(
        limit=graphene.Int(default_value=10), offset=graphene.Int(default_value=0)
    )
    active_invoice = graphene.Field(Invoice, invoice_id=graphene.ID(required=True))
    get_invoice_payment_sessions = graphene.List(
        graphene.NonNull(PaymentSession), required=True, invoice_id=graphene.ID(required=True)
    )

    @staticmethod
    def resolve_get_customer_accounts(root, info, limit, offset):
        customer = customer_of(info, may="get_invoices")
        return _overviews(
            Account.objects.visible_to(customer).with_due_date()[_page(limit, offset)], customer
        )

    @staticmethod
    def resolve_get_customer_account(root, info, account_id):
        customer = customer_of(info)
        account = Account.objects.with_due_date().get_for(customer, account_id)
        return _overviews([account], customer)[0]

    @staticmethod
    def resolve_get_unpaid_line_items_by_region(root, info, account_id):
        customer = customer_of(info)
        account = Account.objects.get_for(customer, account_id)
        rows = AccountLineItem.objects.unbilled().filter(account=account).as_rows()
        return unpaid_by_region(rows, locale=_locale(customer))

    @staticmethod
    def resolve_get_customer_paid_invoices(root, info, limit, offset):
        customer = customer_of(info, may="get_invoices")
        page = InvoiceRow.objects.visible_to(customer).paid().with_details().order_by("-paid_at", "-pk")
        told = _telling(customer)
        return [paid_invoice(invoice, **told) for invoice in page[_page(limit, offset)]]

    @staticmethod
    def resolve_active_invoice(root, info, invoice_id):
        customer = customer_of(info)
        invoice = InvoiceRow.objects.get_for(customer, invoice_id)
        collection = PaymentCollection.objects.for_invoice_alone(invoice.pk).with_attempts().first()
        return _invoice(info, invoice, customer, collection)

    @staticmethod
    def resolve_get_invoice_payment_sessions(root, info, invoice_id):
        customer = customer_of(info)
        invoice = InvoiceRow.objects.get_for(customer, invoice_id)
        collection = PaymentCollection.objects.for_invoice_alone(invoice.pk).first()
        pays = InvoiceRow.objects.reaches(customer, invoice, may="pay_invoice")
        sessions = collection.sessions.in_order() if collection else ()
        return [PaymentSession.of(session, with_data=pays) for session in sessions]


class CreateInvoiceFromLineItems(graphene.Mutation):
    """Bill unpaid charges of one region on a new invoice."""

    class Arguments:
        account_id = graphene.ID(required=True)
        region_id = graphene.ID(required=True)
        line_item_ids = graphene.List(graphene.NonNull(graphene.ID), required=True)
        due_date = graphene.String()

    Output = graphene.NonNull(InvoiceCreationResult)

    @staticmethod
    def mutate(root, info, account_id, region_id, line_item_ids, due_date=None):
        customer = customer_of(info)
        account = Account.objects.only("pk").get_for(customer, account_id, may="pay_invoice")
        region = Region.objects.filter(pk=parse_id(region_id)).first()
        if region is None:
            raise NotFound("Region not found", field="regionId")
        invoice = invoices.create_invoice_from_line_items(
            account=account,
            region=region,
            line_item_ids=[parse_id(one) for one in line_item_ids],
            due_date=_day(due_date),
            at=timezone.now(),
            by=customer.actor,
        )
        total = format_minor(invoice.total_amount, invoice.currency, _locale(customer))
        return InvoiceCreationResult(
            success=True,
            invoice=Invoice.of(invoice, lines=invoice.new_lines, **_telling(customer)),
            invoice_id=invoice.pk,
            message=f"Invoice created with {len(invoice.new_lines)} orders totaling {total}",
        )


class CreateInvoicePaymentSessions(graphene.Mutation):
    """A payment session for each provider of the invoice's region; repeating it adds none."""

    class Arguments:
        invoice_id = graphene.ID(required=True)

    Output = Invoice

    @staticmethod
    def mutate(root, info, invoice_id):
        customer = customer_of(info)
        invoice = InvoiceRow.objects.get_for(customer, invoice_id, may="pay_invoice")
        made = operations.create_payment_sessions(invoice=invoice, at=timezone.now(), by=customer.actor)
        return _invoice(info, invoice, customer, made)


class SetInvoicePaymentSession(graphene.Mutation):
    """Select the session of one provider, by the provider's id."""

    class Arguments:
        invoice_id = graphene.ID(required=True)
        provider_id = graphene.ID(required=True)

    Output = Invoice

    @staticmethod
    def mutate(root, info, invoice_id, provider_id):
        customer = customer_of(info)
        invoice = InvoiceRow.objects.get_for(customer, invoice_id, may="pay_invoice")
        made = operations.choose_provider(
            invoice=invoice, provider_id=parse_id(provider_id), at=timezone.now(), by=customer.actor
        )
        return _invoice(info, invoice, customer, made)


class InitiateInvoicePaymentSession(graphene.Mutation):
    """Open the payment at a provider, by the provider's code; repeating it answers the same."""

    class Arguments:
        invoice_id = graphene.ID(required=True)
        payment_provider_id = graphene.String(required=True)

    Output = PaymentSession

    @staticmethod
    def mutate(root, info, invoice_id, payment_provider_id):
        customer = customer_of(info)
        invoice = InvoiceRow.objects.only("account_id").get_for(customer, invoice_id, may="pay_invoice")
        accounts.count_payment_attempt(customer=customer, account_id=invoice.account_id, at=timezone.now())
        session = operations.initiate_payment(
            invoice=invoice,
            provider_code=payment_provider_id,
            at=timezone.now(),
            by=customer.actor,
        )
        return PaymentSession.of(session, with_data=True)


class CompleteInvoicePayment(graphene.Mutation):
    """Take what the payer authorized; once ended, repeating answers the same."""

    class Arguments:
        payment_session_id = graphene.ID(required=True)

    Output = graphene.NonNull(InvoicePaymentResult)

    @staticmethod
    def mutate(root, info, payment_session_id):
        customer = customer_of(info)
        session = SessionRow.objects.only("account_id").get_for(
            customer, payment_session_id, may="pay_invoice"
        )
        accounts.count_payment_attempt(customer=customer, account_id=session.account_id, at=timezone.now())
        outcome = operations.complete_payment(session=session, at=timezone.now(), by=customer.actor)
        return InvoicePaymentResult.of(outcome)


class PaymentsMutation:
    """What a customer does to pay."""

    create_invoice_from_line_items = CreateInvoiceFromLineItems.Field()
    create_invoice_payment_sessions = CreateInvoicePaymentSessions.Field()
    set_invoice_payment_session = SetInvoicePaymentSession.Field()
    initiate_invoice_payment_session = InitiateInvoicePaymentSession.Field()
    complete_invoice_payment = CompleteInvoicePayment.Field()


def _page(limit: int | None, offset: int | None) -> slice:
    limit, offset = 10 if limit is None else limit, offset or 0
    if not 0 < limit <= LARGEST_PAGE:
        raise Invalid(f"limit must be between 1 and {LARGEST_PAGE}", field="limit")
    if not 0 <= offset < 2**31:
        raise Invalid("offset cannot be negative", field="offset")
    return slice(offset, offset + limit)


def _day(text: str | None) -> date | None:
    """A day out of an ISO 8601 date or instant; an instant counts where the organization is."""
    if text is None:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return instant.date()
        return instant.astimezone(ZoneInfo(Organization.objects.get().time_zone)).date()
    except (ValueError, OverflowError) as error:
        raise Invalid("Due date must be an ISO 8601 date", field="dueDate") from error


def _locale(customer: Customer) -> str:
    return customer.user.locale or DEFAULT_LOCALE


def _telling(customer: Customer) -> dict[str, str]:
    zone = Organization.objects.values_list("time_zone", flat=True).get()
    return {"zone": zone, "locale": _locale(customer)}


def _invoice(info: Any, row: InvoiceRow, customer: Customer, collection: PaymentCollection | None) -> Invoice:
    """An invoice as it is told; its lines are read when the document asks for them."""
    lines: Collection[LineRow] = ()
    if asked_fields(info) & {"lineItems", "itemCount"}:
        lines = row.line_items.select_related("account_line_item")
    return Invoice.of(
        row,
        lines=lines,
        collection=collection,
        with_data=InvoiceRow.objects.reaches(customer, row, may="pay_invoice"),
        **_telling(customer),
    )


def _overviews(accounts: Any, customer: Customer) -> list[dict[str, Any]]:
    """Accounts with all that is told of them: the same number of queries for any number of rows."""
    accounts = list(accounts)
    ids = [account.pk for account in accounts]
    rows = AccountLineItem.objects.unbilled().filter(account__in=ids).as_rows()
    unpaid = {account: list(group) for account, group in groupby(rows, key=lambda row: row["account_id"])}
    newest = defaultdict(list)
    for line in AccountLineItem.objects.newest_of_each(ids, LINE_ITEMS_SHOWN):
        newest[line.account_id].append(line)
    open_invoices = defaultdict(list)
    for invoice in InvoiceRow.objects.filter(account__in=ids).open().newest_first():
        open_invoices[invoice.account_id].append(invoice)
    told = _telling(customer)
    return [
        account_overview(
            account, newest[account.pk], unpaid.get(account.pk, []), open_invoices[account.pk], **told
        )
        for account in accounts
    ]
