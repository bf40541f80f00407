"""What is invoiced again and again: one issues by itself, one is paused and missed two runs."""

from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Account, Region, User
from invoices import operations as invoices
from invoices.models import RecurringInvoice, RecurringLine
from invoices.models.recurring import Frequency
from invoicing_site.demo.reminding import REMINDED


def show_recurring(now: datetime) -> None:
    """Made once: run again it changes nothing."""
    if RecurringInvoice.objects.exists():
        return
    stella = User.objects.get(email="stella@example.com")
    region = Region.objects.get(name="North America")
    for title, frequency, price, is_paused, days in (
        ("Maintenance of coffee machines", Frequency.MONTHLY, "79.00", False, 10),
        ("Window cleaning", Frequency.QUARTERLY, "240.00", True, 100),
    ):
        recurring = RecurringInvoice.objects.create(
            account=Account.objects.get(company_name=REMINDED),
            region=region,
            title=title,
            frequency=frequency,
            start_date=(now - timedelta(days=days)).date(),
            issues_itself=not is_paused,
            is_paused=is_paused,
            created_at=now - timedelta(days=days),
            created_by=stella,
        )
        RecurringLine.objects.create(
            recurring=recurring, description=title, unit_price=Decimal(price), tax_rate=Decimal(19)
        )
    invoices.make_recurring_invoices(at=now - timedelta(days=9))
