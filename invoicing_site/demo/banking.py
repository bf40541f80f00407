"""What came in past the providers: a cheque over two invoices, and a bank statement to go through."""

from datetime import datetime, timedelta
from decimal import Decimal

from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Region, User
from core.audit import SYSTEM
from core.money import plain_number
from invoices import operations as invoices
from invoices.models import Invoice
from orders import operations as orders
from payments import operations as payments
from payments.models import BankMapping

COMPANY = "Vandelay Industries"
# The two of a cheque, one that is named, two that are paid together, two that are alike.
PRICES = ("39.40", "249.00", "189.00", "24.95", "11.90", "63.05", "63.05")
HEADINGS = "Date,Amount,Currency,Text,Payer,Payer account"


def show_banking(now: datetime) -> None:
    """Run again it changes nothing."""
    if Account.objects.filter(company_name=COMPANY).exists():
        return
    stella = User.objects.get(email="stella@example.com")
    account = accounts.open_account(
        company_name=COMPANY,
        credit_limit=Money(5000, "USD"),
        at=now - timedelta(days=40),
        by=SYSTEM,
        email="ap@vandelay.example",
    )
    made = [_invoice(account, price, number, now - timedelta(days=20)) for number, price in enumerate(PRICES)]
    _cheque(account, made[:2], stella, now - timedelta(days=3))
    _statement(made, stella, now)


def _invoice(account: Account, price: str, number: int, at: datetime) -> Invoice:
    region = Region.objects.get(name="North America")
    line = orders.place_order(
        account=account,
        region=region,
        display_id=f"175687060{number}",
        positions=[orders.Position("Latex, one roll", Decimal(1), Decimal(price), sku="VI-001")],
        at=at,
        by=SYSTEM,
    ).account_line_item
    if line is None:
        raise RuntimeError("An order on account is a charge")
    return invoices.create_invoice_from_line_items(
        account=account, region=region, line_item_ids=[line.pk], at=at, by=SYSTEM
    )


def _cheque(account: Account, paid: list[Invoice], staff: User, at: datetime) -> None:
    parts = [payments.Share(invoice, invoice.total_amount) for invoice in paid]
    received = payments.Received(
        method="check",
        received_date=at.date() - timedelta(days=1),
        currency="USD",
        amount=sum(part.amount for part in parts),
        parts=parts,
        reference="Cheque 1007",
    )
    payments.record_payment(account=account, received=received, at=at, staff=staff)


def _statement(made: list[Invoice], staff: User, at: datetime) -> None:
    """One line names its invoice, one is the sum of two, one could be either of two; and a fee. What could be
    either of two is here again, in another format."""
    named, two, alike = made[2], made[3:5], made[5]
    day = (at - timedelta(days=2)).date()
    payer = f"{COMPANY},DE02120300000000202051"
    lines = (
        f"{day},{_major(named.total_amount)},USD,Invoice {named.number},{payer}",
        f"{day},{_major(sum(one.total_amount for one in two))},USD,Thank you,{payer}",
        f"{day},{_major(alike.total_amount)},USD,Our account,{payer}",
        f"{day},-12.50,USD,Account fee,,",
    )
    mapping, _ = BankMapping.objects.get_or_create(
        name="Example Bank, CSV",
        defaults={
            "bank_account": "DE89370400440532013000",
            "delimiter": ",",
            "currency": "USD",
            "date_column": "Date",
            "amount_column": "Amount",
            "currency_column": "Currency",
            "reference_column": "Text",
            "payer_name_column": "Payer",
            "payer_account_column": "Payer account",
        },
    )
    payments.import_statement(
        content="\n".join((HEADINGS, *lines)).encode(),
        file_name="statement.csv",
        mapping=mapping,
        at=at,
        staff=staff,
    )
    booked = f"{day:%y%m%d}{day:%m%d}C{_major(alike.total_amount).replace('.', ',')}NTRFNONREF"
    parts = (":20:DEMO", ":25:37040044/0532013000", ":28C:1/1", f":60F:C{day:%y%m%d}USD0,00")
    payments.import_statement(
        content="\n".join((*parts, f":61:{booked}", ":86:Our account")).encode(),
        file_name="statement.sta",
        mapping=None,
        at=at,
        staff=staff,
    )


def _major(minor: int) -> str:
    return plain_number(minor, "USD")
