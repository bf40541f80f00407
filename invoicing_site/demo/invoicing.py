"""What merchants do with invoices: a draft, an issued one, credit notes, a write-off, a cancelled one."""

from datetime import datetime, timedelta
from decimal import Decimal

from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Region, User
from core.audit import SYSTEM
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from orders import operations as orders
from payments import operations as payments

COMPANY = "Wonka Industries"
SERVICE = FreeLine("Assembly on site, per hour", Decimal(4), Decimal("62.50"), Decimal(19))
TRAINING = FreeLine("Training, half a day", Decimal(1), Decimal("480"), Decimal(19))
FREIGHT = FreeLine("Freight", Decimal(1), Decimal("38.90"), Decimal(19))


def show_invoicing(*, staff: User, now: datetime) -> None:
    """Made once; run again, it changes nothing."""
    if Account.objects.filter(company_name=COMPANY).exists():
        return
    account = accounts.open_account(
        company_name=COMPANY,
        credit_limit=Money(8000, "EUR"),
        at=now - timedelta(days=60),
        by=SYSTEM,
        email="ap@wonka.example",
        billing_address_line_1="Schokoladenweg 3",
        billing_postal_code="50678",
        billing_city="Köln",
        billing_country="DE",
        locale="de_DE",
    )
    region = Region.objects.get(name="Europe")
    _correct(account, region, staff, now)
    charge = orders.place_order(
        account=account,
        region=region,
        display_id="1756870701",
        positions=[orders.Position("Office chair, mesh back", Decimal(2), Decimal("189.00"), sku="NW-001")],
        at=now - timedelta(days=2),
        by=SYSTEM,
    ).account_line_item
    draft = Draft(lines=[TRAINING], line_item_ids=[charge.pk] if charge else [], notes="Thank you.")
    invoices.create_draft(account=account, region=region, draft=draft, at=now, staff=staff)


def _correct(account: Account, region: Region, staff: User, now: datetime) -> None:
    """Two credit notes, one of which is kept as account credit; a write-off; a cancelled invoice."""
    credited = _issued(account, region, (SERVICE, FREIGHT), staff, now - timedelta(days=40))
    for line, reason, is_kept in (
        (FREIGHT, "Freight is free from 250 €", False),
        (SERVICE, "One hour less than planned", True),
    ):
        row = credited.line_items.get(description=line.description)
        payments.credit_invoice(
            invoice=credited,
            amounts={row.pk: row.amount // int(line.quantity)},
            reason=reason,
            at=now - timedelta(days=38),
            staff=staff,
            is_kept=is_kept,
        )
    given_up = _issued(account, region, (FREIGHT,), staff, now - timedelta(days=50))
    payments.write_off(
        invoice=given_up,
        amount=given_up.open_balance,
        reason="Not worth a letter",
        at=now - timedelta(days=5),
        staff=staff,
    )
    twice = _issued(account, region, (TRAINING,), staff, now - timedelta(days=20))
    cancelled_at = now - timedelta(days=19)
    invoices.cancel_invoice(invoice=twice, at=cancelled_at, staff=staff, reason="The training was put off")


def _issued(
    account: Account, region: Region, lines: tuple[FreeLine, ...], staff: User, at: datetime
) -> Invoice:
    draft = Draft(lines=lines)
    made = invoices.create_draft(account=account, region=region, draft=draft, at=at, staff=staff)
    return invoices.issue_draft(invoice=made, at=at, staff=staff)
