"""Correcting an issued invoice: a credit note on it, or a write-off of what will not be paid. Both settle it
as a payment would, in one step with its charges and the account."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Sum

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import Actor, record
from core.errors import Conflict, Invalid
from core.money import format_minor
from invoices import operations as invoices
from invoices.models import CreditNote, Invoice
from payments.models import AccountCredit, Allocation, WriteOff
from payments.operations.collecting import end_larger_attempts, require_known
from payments.operations.foreseeing import Effect, InvoiceEffect, worth

CREDIT, WRITE_OFF = "invoices.credit_invoice", "invoices.write_off_invoice"
ISSUED = (Invoice.Status.SENT, Invoice.Status.PAID)


def credit_invoice(
    *,
    invoice: Invoice,
    amounts: Mapping[int, int],
    reason: str,
    at: datetime,
    staff: User,
    is_kept: bool = False,
    known_left: int | None = None,
    confirmed_amount: int | None = None,
) -> CreditNote:
    """Write a credit note over some lines of an issued invoice (minor units by line id, tax included), and
    put it on the invoice as far as that is open; the rest, or with `is_kept` all of it, is account credit.

    Refused are staff without the permission, more than was not credited or written off yet, more than is
    left of a line, to settle what a payment in progress keeps, and above the organization's limit a total
    that was not typed again (`confirmed_amount`, minor units). With `known_left`, what staff saw that was
    left, also when that is no longer so: asked twice, credited once.
    """
    by = accounts.acting(staff, CREDIT)
    with accounts.locked_account(invoice.account_id) as account:
        current = _issued(invoice)
        left, total = left_to_correct(current), sum(amounts.values())
        if known_left is not None and known_left != left:
            raise Conflict(f"Invoice {current.number} was credited meanwhile. Look again")
        if total > left:
            most = format_minor(left, current.currency)
            raise Invalid(f"At most {most} of this invoice can be credited", field="lines")
        accounts.require_confirmed(amount=total, confirmed_amount=confirmed_amount, currency=current.currency)
        put, kept = _split(current, total, is_kept=is_kept)
        note = invoices.write_credit_note(
            invoice=current, amounts=amounts, reason=reason, account=account, at=at, staff=staff
        )
        if put:
            part = Allocation(credit_note=note, amount=put)
            _allocate(part, current, account, at=at, by=by)
        if kept:
            _keep(note, kept, at=at, by=by)
    return note


def write_off(
    *,
    invoice: Invoice,
    amount: int,
    reason: str,
    at: datetime,
    staff: User,
    known_open: int | None = None,
    confirmed_amount: int | None = None,
) -> WriteOff:
    """Give up what will not be paid of an open invoice, in minor units. Refuses staff without the permission,
    a missing reason, more than `left_to_write_off`, an invoice with a payment in progress, and above the
    organization's limit an amount that was not typed again (`confirmed_amount`, minor units)."""
    by, reason = accounts.acting(staff, WRITE_OFF), accounts.required(reason)
    with accounts.locked_account(invoice.account_id) as account:
        current = _open_for_write_off(invoice)
        require_known(current, known_open)
        if not 0 < amount <= left_to_write_off(current):
            most = format_minor(left_to_write_off(current), current.currency)
            raise Invalid(f"Enter an amount of at most {most}", field="amount")
        accounts.require_confirmed(
            amount=amount, confirmed_amount=confirmed_amount, currency=current.currency
        )
        row = WriteOff.objects.create(
            invoice=current,
            currency=current.currency,
            amount=amount,
            reason=reason,
            staff=staff,
            created_at=at,
        )
        told = {"amount": amount, "currency": row.currency, "invoice": current.number}
        record(row, "write_off.made", at=at, by=by, after=told, reason=reason)
        _allocate(Allocation(write_off=row, amount=amount), current, account, at=at, by=by)
    return row


def undo_write_off(*, row: WriteOff, reason: str, at: datetime, staff: User) -> None:
    """Take a write-off back by a counter-entry: the invoice is open again by as much."""
    reason = accounts.required(reason)
    with accounts.locked_account(row.invoice.account_id) as account:
        current = can_undo_write_off(row=row, staff=staff)
        current.undone_at = at
        current.save(update_fields=["undone_at"])
        part = Allocation(write_off=current, amount=-current.amount)
        _allocate(part, current.invoice, account, at=at, by=staff.actor)
        told = {"undone_at": at.isoformat(), "invoice": current.invoice.number}
        record(
            current,
            "write_off.undone",
            at=at,
            by=staff.actor,
            before={"undone_at": None},
            after=told,
            reason=reason,
        )


def creditable(*, invoice: Invoice, staff: User) -> Invoice:
    """The invoice as it is now, if this member of staff may credit something of it."""
    accounts.acting(staff, CREDIT)
    current = _issued(invoice)
    if left_to_correct(current) <= 0:
        raise Conflict(f"Nothing of invoice {current.number} can be credited any more")
    return current


def can_write_off(*, invoice: Invoice, staff: User) -> Invoice:
    """The invoice as it is now, if this member of staff may write something of it off."""
    accounts.acting(staff, WRITE_OFF)
    return _open_for_write_off(invoice)


def can_undo_write_off(*, row: WriteOff, staff: User) -> WriteOff:
    """The write-off as it is now, if this member of staff may undo it."""
    accounts.acting(staff, WRITE_OFF)
    current = WriteOff.objects.select_related("invoice").get(pk=row.pk)
    if current.undone_at:
        raise Conflict("This write-off was undone already")
    return current


def left_to_correct(invoice: Invoice) -> int:
    """What of an invoice was neither credited nor written off, in minor units."""
    return max(0, invoice.total_amount - _corrected(invoice))


def left_to_write_off(invoice: Invoice) -> int:
    """What of an invoice is open, in minor units, less what the company still has as account credit of it.
    Credit that it used on other invoices is owed here, as if nothing had been credited."""
    elsewhere = Allocation.objects.filter(credit__credit_note__invoice=invoice).exclude(invoice=invoice)
    used = elsewhere.aggregate(sum=Sum("amount"))["sum"] or 0
    return min(invoice.open_balance, invoice.total_amount - _corrected(invoice) + used)


def effect_of_settling(invoice: Invoice, amount: int, *, credit: int = 0) -> Effect:
    """What settling so much of an invoice would do, and how much would be kept as account credit; a negative
    amount opens it again."""
    account = Account.objects.get(pk=invoice.account_id)
    settled = worth(invoice, invoice.paid_amount + amount)
    now = invoice.open_balance
    effect = InvoiceEffect(invoice, amount, now, now - amount)
    return Effect(account, account.balance_due, account.balance_due - settled, (effect,), credit)


def effect_of_crediting(invoice: Invoice, total: int, *, is_kept: bool = False) -> Effect:
    """What a credit note over so much would do."""
    put, kept = _split(invoice, total, is_kept=is_kept)
    return effect_of_settling(invoice, put, credit=kept)


def _corrected(invoice: Invoice) -> int:
    credited = invoice.credit_notes.aggregate(sum=Sum("total_amount"))["sum"] or 0
    given_up = invoice.write_offs.filter(undone_at=None).aggregate(sum=Sum("amount"))["sum"] or 0
    return credited + given_up


def _split(invoice: Invoice, total: int, *, is_kept: bool) -> tuple[int, int]:
    """How much of a credit note goes on the invoice, and how much is kept as account credit."""
    if is_kept or invoice.status == Invoice.Status.PAID:
        return 0, total
    if invoice.reserved_amount and total > invoice.open_balance:
        raise Conflict(f"Invoice {invoice.number} has a payment in progress")
    put = min(total, invoice.open_balance)
    return put, total - put


def _issued(invoice: Invoice) -> Invoice:
    current = Invoice.objects.get(pk=invoice.pk)
    if current.status not in ISSUED:
        raise Conflict(f"Invoice {current} is {current.get_status_display().lower()}")
    return current


def _open_for_write_off(invoice: Invoice) -> Invoice:
    current = Invoice.objects.get(pk=invoice.pk)
    if current.status != Invoice.Status.SENT:
        raise Conflict(f"Invoice {current} is {current.get_status_display().lower()}")
    if current.reserved_amount:
        raise Conflict(f"Invoice {current.number} has a payment in progress")
    if left_to_write_off(current) <= 0:
        raise Conflict(f"What is open of invoice {current.number} was credited: apply the account credit")
    return current


def _allocate(part: Allocation, invoice: Invoice, account: Account, *, at: datetime, by: Actor) -> None:
    part.invoice, part.currency, part.created_at = invoice, invoice.currency, at
    part.save()
    invoices.set_paid_amount(invoice, invoice.paid_amount + part.amount, account=account, at=at, by=by)
    end_larger_attempts(invoice, at=at)


def _keep(note: CreditNote, amount: int, *, at: datetime, by: Actor) -> None:
    credit = AccountCredit.objects.create(
        account_id=note.account_id,
        credit_note=note,
        currency=note.currency,
        amount=amount,
        reason=f"Credit note {note.number} on invoice {note.invoice.number}",
        created_at=at,
    )
    told = {"amount": amount, "currency": credit.currency, "credit_note": note.number}
    record(credit, "credit.kept", at=at, by=by, after=told)
