"""Dunning: three levels, overdue invoices in each situation, a pause and a promise."""

from datetime import datetime, timedelta
from decimal import Decimal

from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Region, User
from core.audit import SYSTEM
from invoices import operations as invoices
from invoices.models import Invoice, ReminderFee, ReminderLevel, ReminderText
from orders import operations as orders

LEVELS = (("Reminder", 3, ""), ("Second reminder", 14, "5"), ("Final notice", 30, "15"))
FINAL = (
    (
        "en",
        "Final notice: invoice {number}",
        (
            "Invoice {number} was due on {due_date}, {days} days ago, and {amount} is still open.\n\n"
            "Pay within ten days, or we hand the claim to a collection agency."
        ),
    ),
    (
        "de",
        "Letzte Mahnung: Rechnung {number}",
        (
            "Rechnung {number} war am {due_date} fällig, vor {days} Tagen, und {amount} sind noch offen.\n\n"
            "Zahlen Sie binnen zehn Tagen, sonst übergeben wir die Forderung an ein Inkassobüro."
        ),
    ),
)
REMINDED, PAUSED, PROMISED = "Stark Office Supply", "Hooli Ltd", "Wayne Trading"
SUSPENDED = "Vandelay Import"


def show_reminders(now: datetime) -> None:
    """Made once: run again it changes nothing."""
    if ReminderLevel.objects.exists():
        return
    stella = User.objects.get(email="stella@example.com")
    first = _levels()
    invoice = _overdue(REMINDED, "1756870901", "249.00", now)
    invoices.send_reminder(invoice=invoice, level=first, at=now - timedelta(days=20), staff=stella)
    paused = _overdue(PAUSED, "1756870902", "378.00", now).account
    invoices.pause_reminders(
        account=paused,
        until=(now + timedelta(days=14)).date(),
        reason="They say that two chairs came back. Under investigation.",
        at=now,
        staff=stella,
    )
    accounts.add_note(account=paused, text="Their buyer is on leave until June.", at=now, staff=stella)
    suspended = company_named(SUSPENDED, now - timedelta(days=80))
    accounts.suspend_account(
        account=suspended, reason="Moved without a new address", at=now - timedelta(days=8), staff=stella
    )
    promised = _overdue(PROMISED, "1756870903", "124.75", now)
    invoices.promise_to_pay(
        account=promised.account,
        invoice=promised,
        promised_date=(now + timedelta(days=5)).date(),
        note="Mr Fox on the phone: with the payment run on Friday",
        at=now,
        staff=stella,
    )


def _levels() -> ReminderLevel:
    """The first of them."""
    made = []
    for name, days, fee in LEVELS:
        level = ReminderLevel.objects.create(name=name, days=days)
        made.append(level)
        for currency in ("USD", "EUR") if fee else ():
            ReminderFee.objects.create(level=level, currency=currency, amount=Decimal(fee))
    for language, subject, text in FINAL:
        ReminderText.objects.create(level=made[-1], language=language, subject=subject, text=text)
    return made[0]


def _overdue(company: str, number: str, price: str, now: datetime) -> Invoice:
    """A company with one invoice, which was due 25 days ago."""
    at = now - timedelta(days=55)
    account = company_named(company, at)
    region = Region.objects.get(name="North America")
    orders.place_order(
        account=account,
        region=region,
        display_id=number,
        positions=[orders.Position("Office furniture", Decimal(1), Decimal(price), sku="NW-100")],
        at=at,
        by=SYSTEM,
    )
    line = account.line_items.get()
    return invoices.create_invoice_from_line_items(
        account=account, region=region, line_item_ids=[line.pk], at=at, by=SYSTEM
    )


def company_named(name: str, at: datetime) -> Account:
    """An account with an address to write to and no members."""
    return accounts.open_account(
        company_name=name,
        credit_limit=Money(2000, "USD"),
        at=at,
        by=SYSTEM,
        email=f"ap@{name.split()[0].lower()}.example",
        billing_address_line_1="2 Main Street",
        billing_postal_code="62701",
        billing_city="Springfield",
        billing_state="IL",
        billing_country="US",
    )
