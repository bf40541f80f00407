"""Situations, made through the operations as the site makes them. The clock stands at NOW."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db.models import F
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, ExchangeRate, Organization, Region, User
from core.audit import SYSTEM, Actor, record
from core.outbox import OutboxMessage
from invoices import operations as invoices
from invoices.models import (
    Invoice,
    RecurringInvoice,
    RecurringLine,
    ReminderFee,
    ReminderLevel,
)
from invoices.operations.freezing import ISSUED
from invoices.operations.mailing import INVOICE_MAIL
from orders import operations as orders
from orders.models import Order
from payments import operations as payments
from payments.models import (
    Payment,
    PaymentCollection,
    PaymentProvider,
    PaymentSession,
)

NOW = datetime(2025, 9, 3, 5, 21, 7, 596000, tzinfo=UTC)
STRIPE, PAYPAL, MANUAL = "pp_stripe_stripe", "pp_paypal_paypal", "pp_system_default"


def an_organization(**changes) -> Organization:
    """Northwind, in Berlin's time zone unless told otherwise."""
    fields = {
        "legal_name": "Northwind Supply GmbH",
        "name": "Northwind Supply",
        "email": "billing@northwind.example",
        "phone": "+49 30 5550100",
        "address_line_1": "Hafenstr. 1",
        "postal_code": "10115",
        "city": "Berlin",
        "country": "DE",
        "tax_id": "DE123456789",
        "bank_account_holder": "Northwind Supply GmbH",
        "bank_name": "Example Bank",
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
        "time_zone": "UTC",
    }
    organization, _ = Organization.objects.update_or_create(pk=1, defaults=fields | changes)
    return organization


def a_region(name: str = "North America", currency: str = "USD") -> Region:
    """A region in which all three providers are installed."""
    region, _ = Region.objects.get_or_create(name=name, defaults={"currency": currency})
    for position, (code, label) in enumerate(
        [(STRIPE, "Stripe"), (PAYPAL, "PayPal"), (MANUAL, "Bank transfer")]
    ):
        provider, _ = PaymentProvider.objects.get_or_create(
            code=code, defaults={"name": label, "position": position}
        )
        provider.regions.add(region)
    return region


def a_rate(base: str, quote: str, rate: str, since: datetime = NOW - timedelta(days=400)) -> ExchangeRate:
    return ExchangeRate.objects.create(base=base, quote=quote, rate=Decimal(rate), valid_from=since)


def an_account(company: str = "Globex", limit: Money | None = None, **details) -> Account:
    """An active account with $1,000.00 of credit, unless told otherwise."""
    an_organization()
    return accounts.open_account(
        company_name=company, credit_limit=limit or Money(1000, "USD"), at=NOW, by=SYSTEM, **details
    )


def an_unpaid_order(
    account: Account,
    price: str = "39.40",
    *,
    display_id: str = "1756876866",
    region: Region | None = None,
    at: datetime = NOW,
) -> AccountLineItem:
    """The charge of an order of one item."""
    order = orders.place_order(
        account=account,
        region=region or a_region(),
        display_id=display_id,
        positions=[orders.Position("Desk lamp", Decimal(1), Decimal(price), sku="LAMP-1")],
        at=at,
        by=SYSTEM,
    )
    return order.account_line_item


def an_open_invoice(
    account: Account, *lines: AccountLineItem, at: datetime = NOW, is_drawn: bool = False
) -> Invoice:
    """An invoice over these charges; over a new order when none is given. The worker is told to make its PDF
    and to send it only where that matters."""
    lines = lines or (an_unpaid_order(account, display_id=f"A{Order.objects.count() + 1}"),)
    invoice = invoices.create_invoice_from_line_items(
        account=account,
        region=lines[0].region,
        line_item_ids=[line.pk for line in lines],
        at=at,
        by=SYSTEM,
    )
    if not is_drawn:
        OutboxMessage.objects.filter(
            kind__in=(ISSUED, INVOICE_MAIL), payload={"invoice": invoice.pk}
        ).delete()
    return invoice


def a_collection_over(
    *invoices: Invoice, amounts: Sequence[int] = (), at: datetime = NOW
) -> PaymentCollection:
    """One payment for several invoices of an account, or parts of them, with a session for each provider."""
    amounts = amounts or [invoice.open_balance for invoice in invoices]
    return payments.start_joint_payment(
        account=invoices[0].account,
        currency=invoices[0].currency,
        shares=[payments.Share(one, amount) for one, amount in zip(invoices, amounts, strict=True)],
        at=at,
        by=SYSTEM,
    )


def nowhere(session: PaymentSession) -> str:
    """Where the payer comes back to when nobody looks."""
    return "http://testserver/"


def an_initiated_session(
    invoice: Invoice, provider: str = MANUAL, *, by: Actor = SYSTEM, at: datetime = NOW
) -> PaymentSession:
    """A session that was opened at its provider (the sandbox must run for the others than manual)."""
    return payments.initiate_payment(invoice=invoice, provider_code=provider, at=at, by=by)


def a_promised_payment(invoice: Invoice, *, by: User | None = None, at: datetime = NOW) -> Payment:
    """A manual payment that awaits verification."""
    actor = by.actor if by else SYSTEM
    session = an_initiated_session(invoice, MANUAL, by=actor, at=at)
    payments.complete_payment(session=session, at=at, by=actor)
    return Payment.objects.get(session=session)


def unassigned_money(amount: int, *, at: datetime = NOW) -> Payment:
    """So many US cents that came at Stripe for no session of ours."""
    payment = Payment.objects.create(
        provider=PaymentProvider.objects.get(code=STRIPE),
        reference=f"pi_unknown_{Payment.objects.count()}",
        currency="USD",
        amount=amount,
        status=Payment.Status.UNASSIGNED,
        created_at=at,
        captured_at=at,
    )
    told = {"status": payment.status, "amount": amount, "currency": "USD"}
    record(payment, "payment.unassigned", at=at, by=SYSTEM, after=told)
    return payment


def a_paid_invoice(account: Account, staff: User, *, at: datetime = NOW) -> Invoice:
    """An invoice that was paid by a verified bank transfer."""
    invoice = an_open_invoice(account, at=at)
    payments.verify_manual_payment(payment=a_promised_payment(invoice, at=at), at=at, staff=staff)
    invoice.refresh_from_db()
    return invoice


def reference_000() -> Account:
    """The published example: a limit of $1,000.00 and one unpaid order of one item over $39.40."""
    account = an_account("Globex")
    an_unpaid_order(account)
    account.refresh_from_db()
    return account


def many_unpaid_orders(account: Account, count: int) -> None:
    """So many more charges of one cent each, made quickly."""
    region = a_region()
    made = AccountLineItem.objects.bulk_create(
        AccountLineItem(
            account=account,
            region=region,
            description=f"Order #{number} - 1 items",
            order_display_id=str(number),
            currency="USD",
            amount=1,
            account_amount=1,
            due_date=NOW.date(),
            created_at=NOW - timedelta(minutes=number),
        )
        for number in range(1, count + 1)
    )
    Order.objects.bulk_create(
        Order(
            account=account,
            region=region,
            account_line_item=line,
            display_id=line.order_display_id,
            currency="USD",
            total_amount=1,
            created_at=line.created_at,
        )
        for line in made
    )
    Account.objects.filter(pk=account.pk).update(total_amount=F("total_amount") + count)


def reminder_levels(*days: int, fee: str = "", currency: str = "USD") -> list[ReminderLevel]:
    """Levels so many days after the due date, named Level 1, Level 2 …; the last one costs `fee`."""
    levels = [
        ReminderLevel.objects.create(name=f"Level {number}", days=days_after)
        for number, days_after in enumerate(days or (3, 14, 30), 1)
    ]
    if fee:
        ReminderFee.objects.create(level=levels[-1], currency=currency, amount=Decimal(fee))
    return levels


def a_recurring_invoice(
    account: Account, staff: User, start: date | None = None, frequency: str = "monthly", **details
) -> RecurringInvoice:
    """$100.00 a month and 19 % tax, from the day of NOW."""
    recurring = RecurringInvoice.objects.create(
        account=account,
        region=a_region(),
        title="Maintenance",
        frequency=frequency,
        start_date=start or NOW.date(),
        created_at=NOW,
        created_by=staff,
        **details,
    )
    RecurringLine.objects.create(
        recurring=recurring, description="Care", quantity=2, unit_price=Decimal(50), tax_rate=Decimal(19)
    )
    return recurring
