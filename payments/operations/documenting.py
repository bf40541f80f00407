"""Receipts and statements as PDF: drawn from the rows when somebody asks, and not kept. The parties stand on
them as they are today, in the language of the account."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts import operations as accounts
from accounts.models import Organization
from core.errors import Invalid, NotFound
from invoices import operations as invoices
from invoices.documents.pdf import receipt_pdf, statement_pdf
from invoices.documents.statement import MOST_ENTRIES
from payments.models import Payment, RecordedMethod, Refund
from payments.operations.stating import Entry, Statement, What
from payments.providers import PROVIDERS


def receipt_document(payment: Payment) -> bytes:
    """The PDF of a payment's receipt. Refuses a payment that has none. Needs `with_company_details()` and
    `with_refunds()`."""
    receipt, account = getattr(payment, "receipt", None), payment.account
    if receipt is None or account is None or payment.captured_at is None:
        raise NotFound("Receipt not found")
    organization = Organization.objects.get()
    paper = {
        **invoices.parties(account, organization),
        "number": receipt.number,
        "paid_date": (payment.received_date or organization.today(payment.captured_at)).isoformat(),
        "currency": payment.currency,
        "amount": payment.amount,
        **_paid_with(payment),
        "payer": str(payment.payer or ""),
        "reference": payment.reference,
        "parts": [
            {
                "number": part.invoice.number,
                "issue_date": str(part.invoice.issue_date),
                "amount": part.amount,
            }
            for part in payment.allocations.all()
            if part.amount > 0
        ],
        "credit": left_as_credit(payment),
        "refunds": [
            {
                "date": organization.today(refund.ended_at).isoformat(),  # type: ignore[arg-type]  # done is ended
                "amount": refund.amount,
                "kind": refund.kind,
            }
            for refund in came_back(payment)
        ],
    }
    return receipt_pdf(invoices.with_logo(paper), is_test_mode=_is_test_mode())


def statement_document(statement: Statement, *, at: datetime) -> bytes:
    """The PDF of a statement. Drawing a thousand lines takes some ten seconds: it refuses more, and an
    account that asks too often."""
    account, entries = statement.account, statement.entries
    if len(entries) > MOST_ENTRIES:
        raise Invalid(
            f"A PDF holds at most {MOST_ENTRIES:,} lines. Choose fewer days, or download the CSV",
            field="from",
        )
    if wait := accounts.count_attempts({"statements_per_account": str(account.pk)}, at=at):
        raise accounts.too_many("Too many statements were made.", wait)
    organization = Organization.objects.get()
    paper = {
        **invoices.parties(account, organization),
        "date": organization.today(at).isoformat(),
        "first": statement.first.isoformat(),
        "last": statement.last.isoformat(),
        "currency": account.currency,
        "opening": statement.opening,
        "closing": statement.closing,
        "charged": statement.charged,
        "paid": statement.paid,
        "entries": [_line(entry) for entry in entries],
    }
    return statement_pdf(invoices.with_logo(paper), is_test_mode=_is_test_mode())


def came_back(payment: Payment) -> list[Refund]:
    """What of a payment was sent or taken back. Needs `with_refunds()`."""
    return [one for one in payment.refunds.all() if one.status == Refund.Status.DONE]


def left_as_credit(payment: Payment) -> int:
    """What of a payment no invoice took, in minor units."""
    return sum(credit.left for credit in payment.credits.all().with_left())


def papers_of(entry: Entry) -> list[str]:
    """The numbers of the papers that a line of a statement is about: the receipt or credit note, the
    invoices."""
    own = getattr(entry.paid_with, "receipt", None) or entry.credit_note
    numbers: Iterable[str] = (one.number or "" for one in entry.invoices)
    return [own.number, *numbers] if own else [*numbers]


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "date": entry.day.isoformat(),
        "what": str(entry.what),
        "text": entry.line_item.description if entry.line_item else "",
        **(_paid_with(entry.paid_with) if entry.paid_with else {"method": ""}),
        "papers": papers_of(entry),
        "charge": entry.charge if entry.what is What.CHARGE else 0,
        "payment": entry.payment,
        "balance": entry.balance,
        "original": entry.original,
    }


def _paid_with(payment: Payment) -> dict[str, Any]:
    """How it was paid, as documents are told."""
    provider = payment.provider
    label = PROVIDERS[provider.code].label if provider.code in PROVIDERS else provider.name
    if payment.is_recorded and payment.method in RecordedMethod.values:
        label = RecordedMethod(payment.method).label
    return {
        "method": payment.method,
        "is_recorded": payment.is_recorded,
        "last4": payment.method_details.get("last4"),
        "label": label,
        "provider": provider.name,
    }


def _is_test_mode() -> bool:
    return settings.PAYMENTS == "sandbox"
