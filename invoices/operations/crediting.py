"""Credit notes: a number and a paper of their own for what is taken off an issued invoice. What becomes of
the money is decided above, by payments."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from accounts import operations as accounts
from accounts.models import Account, Organization, User
from core.audit import record
from core.errors import Conflict, Invalid
from core.money import format_minor
from core.outbox import enqueue
from invoices.models import CreditNote, CreditNoteDocument, CreditNoteLine, Invoice, InvoiceLineItem
from invoices.operations.freezing import parties, snapshot_hash, with_logo
from invoices.operations.mailing import enqueue_mail

CREDITED = "credit_note.issued"  # the worker makes its PDF


@dataclass(frozen=True)
class Off:
    """What is taken off one line, in minor units."""

    line: InvoiceLineItem
    net_amount: int
    tax_amount: int

    @property
    def amount(self) -> int:
        return self.net_amount + self.tax_amount


def creditable_lines(invoice: Invoice) -> list[InvoiceLineItem]:
    """The invoice's lines, each with what earlier credit notes took off it as `credited_amount`."""
    return list(invoice.line_items.all().with_credited().order_by("pk"))


def left_of_line(line: InvoiceLineItem) -> int:
    """What can still be taken off a line, tax included, in minor units. Needs `with_credited()`."""
    return line.amount - line.credited_amount  # type: ignore[attr-defined]  # with_credited()


def write_credit_note(
    *,
    invoice: Invoice,
    amounts: Mapping[int, int],
    reason: str,
    account: Account,
    at: datetime,
    staff: User,
) -> CreditNote:
    """Write a credit note over some lines of an issued invoice, whose account's lock the caller holds.

    `amounts` are minor units by line id, tax included; the tax in them is the line's share. Refuses a missing
    reason, nothing, less than nothing, and more than is left of a line.
    """
    reason = accounts.required(reason)
    off = _off(invoice, amounts)
    organization = Organization.objects.get()
    issue_date = organization.today(at)
    sequence = accounts.allot_number("credit_note", year=issue_date.year)
    number = organization.credit_note_number_format.format(year=issue_date.year, sequence=sequence)
    paper = _paper(invoice, off, account, organization, number=number, issue_date=issue_date, reason=reason)
    note = CreditNote.objects.create(
        account=account,
        invoice=invoice,
        number=number,
        number_year=issue_date.year,
        number_sequence=sequence,
        currency=invoice.currency,
        total_amount=paper["total_amount"],
        reason=reason,
        issue_date=issue_date,
        created_at=at,
        staff=staff,
        snapshot=paper,
        snapshot_hash=snapshot_hash(paper),
    )
    CreditNoteLine.objects.bulk_create(_line(note, one) for one in off)
    told = {
        "number": number,
        "amount": note.total_amount,
        "currency": note.currency,
        "invoice": invoice.number,
    }
    record(note, "credit_note.issued", at=at, by=staff.actor, after=told, reason=reason)
    enqueue(CREDITED, {"credit_note": note.pk}, at=at)
    enqueue_mail(note, at=at, by=staff.actor)
    return note


def _paper(
    invoice: Invoice,
    off: Sequence[Off],
    account: Account,
    organization: Organization,
    *,
    number: str,
    issue_date: date,
    reason: str,
) -> dict[str, Any]:
    """Parties, lines and total as they are now, in plain JSON; amounts in minor units."""
    return {
        "number": number,
        "issue_date": issue_date.isoformat(),
        "invoice_number": invoice.number,
        "invoice_date": str(invoice.issue_date),
        "currency": invoice.currency,
        "reason": reason,
        **parties(account, organization),
        "lines": [_told(one) for one in off],
        "total_amount": sum(one.amount for one in off),
    }


def _off(invoice: Invoice, amounts: Mapping[int, int]) -> list[Off]:
    lines = {line.pk: line for line in creditable_lines(invoice)}
    if amounts.keys() - lines.keys():
        raise Invalid("Choose lines of this invoice", field="lines")
    off = []
    for pk, amount in amounts.items():
        line, left = lines[pk], left_of_line(lines[pk])
        if amount < 0 or amount > left:
            most = format_minor(left, invoice.currency)
            raise Invalid(f"At most {most} can be credited on “{line.description}”", field=f"line_{pk}")
        if amount:
            off.append(_share(line, amount))
    if not off:
        raise Invalid("Enter what is credited", field="lines")
    return off


def _share(line: InvoiceLineItem, amount: int) -> Off:
    """Net and tax of a credited amount. The tax of all credits of a line is rounded together, half up: they
    never add up to another tax than the line's."""
    credited = line.credited_amount + amount  # type: ignore[attr-defined]  # with_credited()
    share = (Decimal(credited) * line.tax_amount / line.amount).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    tax = int(share) - line.credited_tax  # type: ignore[attr-defined]
    return Off(line, amount - tax, tax)


def _line(note: CreditNote, one: Off) -> CreditNoteLine:
    return CreditNoteLine(
        credit_note=note,
        invoice_line=one.line,
        net_amount=one.net_amount,
        tax_amount=one.tax_amount,
        amount=one.amount,
    )


def _told(one: Off) -> dict[str, Any]:
    """A line as the paper has it."""
    return {
        "description": one.line.description,
        "tax_rate": str(one.line.tax_rate),
        "net_amount": one.net_amount,
        "tax_amount": one.tax_amount,
        "amount": one.amount,
    }


def make_credit_note_document(*, note: CreditNote, at: datetime) -> None:
    """Make and keep the PDF of a credit note; one that is there stays as it is."""
    if CreditNoteDocument.objects.filter(credit_note=note).exists():
        return
    render = import_string(settings.CREDIT_NOTE_PDF)
    content = render(with_logo(note.snapshot), is_test_mode=settings.PAYMENTS == "sandbox")
    facts = {"content": content, "sha256": hashlib.sha256(content).hexdigest(), "created_at": at}
    CreditNoteDocument.objects.get_or_create(credit_note=note, defaults=facts)


def document_of_credit_note(note: CreditNote) -> CreditNoteDocument:
    """The PDF of a credit note, as it was made. Refuses while the worker has not made it; one that was
    changed since is not given out."""
    document = CreditNoteDocument.objects.filter(credit_note=note).first()
    if document is None:
        raise Conflict("The PDF is being made. Try again in a moment")
    if hashlib.sha256(document.content).hexdigest() != document.sha256:
        raise RuntimeError(f"The PDF of credit note {note.number} is not as it was made")
    return document
