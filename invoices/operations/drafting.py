"""Drafts: what the merchant writes before an invoice is issued. A draft charges nobody, keeps no charge from
other invoices, and can be changed until it has its number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max
from django.utils.module_loading import import_string
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Organization, Region, User
from core.audit import Actor, record
from core.errors import Conflict, Invalid
from core.money import from_minor, nearest_minor
from core.transitions import move
from invoices.models import Invoice, InvoiceLineItem
from invoices.operations.freezing import freeze, snapshot, with_logo
from invoices.operations.issuing import billable, line_of, named_after, title_of

DRAFT, ISSUE = "invoices.draft_invoice", "invoices.issue_invoice"
LONGEST = timedelta(days=365)
MOST_LINES = 1_000
LARGEST = 10**15  # minor units: of a line, and far from what a column holds
PREVIEW_NUMBER = "DRAFT"


@dataclass(frozen=True)
class FreeLine:
    """What is not charged yet. `unit_price` is in major units of the region's currency, before tax;
    `tax_rate` in percent."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal = Decimal(0)

    def priced(self, currency: str) -> tuple[int, int]:
        """Net and tax in minor units: quantity × unit price, and tax on that, each rounded half up."""
        net = nearest_minor(Money(self.quantity * self.unit_price, currency))
        tax = (Decimal(net) * self.tax_rate / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return net, int(tax)


@dataclass(frozen=True)
class Draft:
    """What a draft says. Dates that are missing follow when it is issued: that day, and the account's payment
    terms."""

    line_item_ids: Sequence[int] = ()
    lines: Sequence[FreeLine] = ()
    title: str = ""
    notes: str = ""
    issue_date: date | None = None
    due_date: date | None = None


def create_draft(
    *,
    account: Account,
    region: Region,
    draft: Draft,
    at: datetime,
    staff: User | None,
    form_key: UUID | None = None,
) -> Invoice:
    """Write a draft for an account in the currency of a region, over charges that are on no invoice, lines
    that are not charged yet, or both. Without `staff` the site itself writes it. The same form key answers
    the same draft: pressed twice, drafted once.

    Refused are an account that is not active, charges of others or on another invoice, no line, dates,
    quantities, prices and rates that cannot be (texts: the merchant's contract), and a form key whose draft
    says something else.
    """
    by = accounts.acting(staff, DRAFT)
    with accounts.locked_account(account.pk) as locked:
        made = form_key and Invoice.objects.filter(form_key=form_key).first()
        if made:
            return _the_same(made, locked, region, draft)
        return write_draft(account=locked, region=region, draft=draft, at=at, by=by, form_key=form_key)


def write_draft(
    *,
    account: Account,
    region: Region,
    draft: Draft,
    at: datetime,
    by: Actor,
    form_key: UUID | None = None,
) -> Invoice:
    """Write a draft for an account whose lock the caller holds. Refuses what `create_draft` refuses."""
    _require_active(account)
    invoice = Invoice(
        account=account, region=region, currency=region.currency, created_at=at, form_key=form_key
    )
    lines = _written(invoice, account, draft, at=at)
    invoice.save()
    InvoiceLineItem.objects.bulk_create(lines)
    record(invoice, "invoice.drafted", at=at, by=by, after=_told(invoice, lines))
    return invoice


def edit_draft(
    *, invoice: Invoice, draft: Draft, at: datetime, staff: User | None, known_version: int | None = None
) -> Invoice:
    """Write a draft anew. Refuses what `create_draft` refuses, an invoice that is no draft any more, and a
    draft that a colleague changed after this one was read (`known_version`: see `version_of`)."""
    by = accounts.acting(staff, DRAFT)
    with accounts.locked_account(invoice.account_id) as account:
        current = _still_draft(invoice, known_version)
        before = _told(current, current.line_items.all())
        lines = _written(current, account, draft, at=at)
        current.save()
        current.line_items.all().delete()
        InvoiceLineItem.objects.bulk_create(lines)
        record(current, "invoice.draft_changed", at=at, by=by, before=before, after=_told(current, lines))
    return current


def discard_draft(*, invoice: Invoice, at: datetime, staff: User) -> None:
    """Give a draft up. It stays to be read; what it held was never charged by it."""
    by = accounts.acting(staff, DRAFT)
    with accounts.locked_account(invoice.account_id):
        move(_still_draft(invoice), Invoice.Status.CANCELLED, at=at, by=by, cancelled_at=at)


def issue_draft(
    *,
    invoice: Invoice,
    at: datetime,
    staff: User | None,
    override_reason: str = "",
    known_version: int | None = None,
) -> Invoice:
    """Give a draft its number and freeze it. What was not charged yet is charged to the account, which over
    its credit limit takes a reason; charges that another invoice took meanwhile are refused by name."""
    by = accounts.acting(staff, ISSUE)
    with accounts.locked_account(invoice.account_id) as account:
        current = _still_draft(invoice, known_version)
        return issue_written(draft=current, account=account, at=at, by=by, override_reason=override_reason)


def issue_written(
    *, draft: Invoice, account: Account, at: datetime, by: Actor, override_reason: str = ""
) -> Invoice:
    """Issue a draft of an account whose lock the caller holds; read after it. Refuses what `issue_draft`
    refuses, then perhaps with some of its lines charged: the caller's transaction takes that back."""
    organization = Organization.objects.get()
    lines = list(draft.line_items.select_related("account_line_item").order_by("pk"))
    region = _region_of(draft)
    issue_date = draft.asked_issue_date or organization.today(at)
    _require_dates(draft.asked_issue_date, draft.asked_due_date, organization, at=at)
    draft.due_date = draft.asked_due_date or account.due_date(issue_date, organization)
    _require_unbilled(account, region, lines)
    for line in lines:
        if line.account_line_item is None and line.amount:
            line.account_line_item = accounts.add_charge(
                account=account,
                region=region,
                amount=from_minor(line.amount, draft.currency),
                description=line.description,
                due_date=draft.due_date,
                at=at,
                by=by,
                override_reason=override_reason,
            )
        line.is_live = True
    InvoiceLineItem.objects.bulk_update(lines, ["account_line_item", "is_live"])
    accounts.mark_billed(
        [line.account_line_item_id for line in lines if line.account_line_item_id], is_billed=True
    )
    draft.save(update_fields=["due_date"])
    freeze(draft, lines, account, organization, issue_date=issue_date, at=at, by=by)
    return draft


def duplicate_invoice(
    *, invoice: Invoice, at: datetime, staff: User, form_key: UUID | None = None
) -> Invoice:
    """A new draft with the same lines, none of them charged yet. The same form key answers the same one."""
    copied = _free_lines(invoice.line_items.order_by("pk"))
    draft = Draft(lines=copied, title=invoice.title, notes=invoice.notes)
    region = _region_of(invoice)
    return create_draft(
        account=invoice.account, region=region, draft=draft, at=at, staff=staff, form_key=form_key
    )


def preview_of(invoice: Invoice, *, at: datetime) -> bytes:
    """The PDF that a draft would become if it were issued now, marked on every page as a draft. Not kept."""
    organization = Organization.objects.get()
    account = invoice.account
    issue_date = invoice.asked_issue_date or organization.today(at)
    invoice.due_date = invoice.asked_due_date or account.due_date(issue_date, organization)
    paper = snapshot(
        invoice,
        invoice.line_items.order_by("pk"),
        account,
        organization,
        number=PREVIEW_NUMBER,
        issue_date=issue_date,
    )
    render = import_string(settings.INVOICE_PDF)
    return render(with_logo(paper), is_draft=True, is_test_mode=settings.PAYMENTS == "sandbox")


def issuable(*, invoice: Invoice, staff: User) -> Invoice:
    """The draft as it is now, if this member of staff may issue it. The page that asks before shows the
    refusal in place of its button."""
    accounts.acting(staff, ISSUE)
    current = _still_draft(invoice)
    lines = list(current.line_items.select_related("account_line_item"))
    _require_unbilled(current.account, _region_of(current), lines)
    if current.account.status != Account.Status.ACTIVE:
        raise Conflict(f"Account {current.account.number} is {current.account.status}")
    return current


def discardable(*, invoice: Invoice, staff: User) -> Invoice:
    """The draft as it is now, if this member of staff may discard it, or change it."""
    accounts.acting(staff, DRAFT)
    return _still_draft(invoice)


def may_draft(*, account: Account, staff: User) -> None:
    """Refuses staff who may not write a draft for this account."""
    accounts.acting(staff, DRAFT)
    _require_active(account)


def version_of(invoice: Invoice) -> int:
    """Changes with every edit of a draft: its lines are written anew."""
    return invoice.line_items.aggregate(newest=Max("pk"))["newest"] or 0


def _require_active(account: Account) -> None:
    if account.status != Account.Status.ACTIVE:
        raise Invalid("Cannot create invoice for inactive contact", field="account")


def _still_draft(invoice: Invoice, known_version: int | None = None) -> Invoice:
    current = Invoice.objects.select_related("account", "region").get(pk=invoice.pk)
    if current.status != Invoice.Status.DRAFT:
        raise Conflict(f"Invoice {current} is no draft any more")
    if known_version is not None and known_version != version_of(current):
        raise Conflict("Somebody changed this draft meanwhile. Look again")
    return current


def _the_same(made: Invoice, account: Account, region: Region, draft: Draft) -> Invoice:
    """What a form drafted before, where it asks for the same again and that is still a draft."""
    if made.status == Invoice.Status.CANCELLED:
        raise Conflict(f"This form has made {made} already, which is cancelled: begin a new one")
    lines = made.line_items.order_by("pk")
    charges = lines.exclude(account_line_item=None).values_list("account_line_item", flat=True)
    asked = [replace(line, description=line.description.strip()[:300]) for line in draft.lines]
    if (
        (made.account, made.region) != (account, region)
        or (made.title, made.notes) != (draft.title.strip() or title_of(account, region), draft.notes.strip())
        or (made.asked_issue_date, made.asked_due_date) != (draft.issue_date, draft.due_date)
        or set(charges) != set(draft.line_item_ids)
        or _free_lines(lines.filter(account_line_item=None)) != asked
    ):
        raise Conflict(f"This form has made {made} already, which says something else: change that one")
    return made


def _free_lines(lines: Iterable[InvoiceLineItem]) -> list[FreeLine]:
    return [
        FreeLine(line.description, line.quantity, line.unit_price.amount, line.tax_rate) for line in lines
    ]


def _region_of(invoice: Invoice) -> Region:
    if invoice.region is None:
        raise Conflict("This invoice has no region, whose currency its charges would be in")
    return invoice.region


def _written(invoice: Invoice, account: Account, draft: Draft, *, at: datetime) -> list[InvoiceLineItem]:
    """Set what the draft says on its row; answers its lines. Nothing is saved."""
    organization, region = Organization.objects.get(), _region_of(invoice)
    _require_dates(draft.issue_date, draft.due_date, organization, at=at)
    charges = billable(account, region, draft.line_item_ids) if draft.line_item_ids else []
    lines = [line_of(invoice, charge, is_live=False) for charge in charges]
    lines += [_line(invoice, line, position) for position, line in enumerate(draft.lines)]
    if not lines:
        raise Invalid("Invoice must have at least one item", field="lines")
    if len(lines) > MOST_LINES:
        raise Invalid(f"An invoice has at most {MOST_LINES:,} items", field="lines")
    if sum(line.net_amount for line in lines) <= 0:
        raise Invalid("Invoice subtotal must be positive", field="lines")
    issue_date = draft.issue_date or organization.today(at)
    said = {
        "title": draft.title.strip() or title_of(account, region),
        "notes": draft.notes.strip(),
        **named_after(region, charges),
        "total_amount": sum(line.amount for line in lines),
        "asked_issue_date": draft.issue_date,
        "asked_due_date": draft.due_date,
        "due_date": draft.due_date or account.due_date(issue_date, organization),
    }
    for name, value in said.items():
        setattr(invoice, name, value)
    return lines


def _line(invoice: Invoice, line: FreeLine, position: int) -> InvoiceLineItem:
    description = line.description.strip()
    if not description:
        raise Invalid("Item description is required", field=f"lines.{position}.description")
    if line.quantity <= 0:
        raise Invalid("Item quantity must be positive", field=f"lines.{position}.quantity")
    if line.unit_price < 0:
        raise Invalid("Item unit price cannot be negative", field=f"lines.{position}.unit_price")
    if not 0 <= line.tax_rate <= 100:
        raise Invalid("Item tax rate must be between 0 and 100", field=f"lines.{position}.tax_rate")
    net, tax = line.priced(invoice.currency)
    if net + tax > LARGEST:
        raise Invalid("Item amount is too large", field=f"lines.{position}.unit_price")
    return InvoiceLineItem(
        invoice=invoice,
        description=description[:300],
        quantity=line.quantity,
        unit_price=Money(line.unit_price, invoice.currency),
        tax_rate=line.tax_rate,
        net_amount=net,
        tax_amount=tax,
        amount=net + tax,
        is_live=False,
    )


def _require_dates(
    issue_date: date | None, due_date: date | None, organization: Organization, *, at: datetime
) -> None:
    today = organization.today(at)
    issued = issue_date or today
    if issued > today:
        raise Invalid("Invoice date cannot be in the future", field="issue_date")
    if issued.year < today.year - 1:
        raise Invalid("Invoice number year is not valid", field="issue_date")
    if due_date is None:
        return
    if due_date <= issued:
        raise Invalid("Due date must be after invoice date", field="due_date")
    if due_date > issued + LONGEST:
        raise Invalid("Due date cannot be more than 1 year from invoice date", field="due_date")


def _require_unbilled(account: Account, region: Region, lines: Sequence[InvoiceLineItem]) -> None:
    """Somebody may have billed a charge of the draft since it was written, or paid it."""
    held = {line.account_line_item_id: line for line in lines if line.account_line_item_id}
    free = AccountLineItem.objects.unbilled().filter(account=account, region=region, pk__in=held)
    taken = held.keys() - set(free.values_list("pk", flat=True))
    if taken:
        named = ", ".join(f"“{held[pk].description}”" for pk in sorted(taken))
        raise Conflict(f"Another invoice took {named} meanwhile. Take it off this draft")


def _told(invoice: Invoice, lines: Any) -> dict[str, Any]:
    """What the trail keeps of a draft."""
    return {
        "total_amount": invoice.total_amount,
        "lines": [f"{line.quantity} × {line.description}"[:120] for line in lines][:20],
        "due_date": invoice.due_date.isoformat(),
    }
