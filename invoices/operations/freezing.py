"""Freezing: an invoice gets its number and its paper, and nothing on it changes afterwards."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from accounts import operations as accounts
from accounts.models import Account, Logo, Organization
from core.audit import Actor
from core.outbox import enqueue
from core.transitions import move
from invoices.models import Invoice, InvoiceLineItem
from invoices.operations.mailing import enqueue_mail

TOLD_FOR = timedelta(days=90)
ISSUED = "invoice.issued"  # the worker makes its PDF


def freeze(
    invoice: Invoice,
    lines: Iterable[InvoiceLineItem],
    account: Account,
    organization: Organization,
    *,
    issue_date: date,
    at: datetime,
    by: Actor,
) -> None:
    """Give the number, freeze the paper, and move the draft to sent. The caller holds the account's lock."""
    sequence = accounts.allot_number("invoice", year=issue_date.year)
    number = organization.invoice_number_format.format(year=issue_date.year, sequence=sequence)
    paper = snapshot(invoice, lines, account, organization, number=number, issue_date=issue_date)
    move(
        invoice,
        Invoice.Status.SENT,
        at=at,
        by=by,
        number=number,
        number_year=issue_date.year,
        number_sequence=sequence,
        issue_date=issue_date,
        sent_at=at,
        snapshot_hash=snapshot_hash(paper),
        snapshot=paper,
    )
    enqueue(ISSUED, {"invoice": invoice.pk}, at=at)
    enqueue_mail(invoice, at=at, by=by)


def snapshot_hash(paper: dict[str, Any]) -> str:
    """SHA-256 of the snapshot's canonical JSON."""
    return hashlib.sha256(json.dumps(paper, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


SELLER = (
    "legal_name name email phone address_line_1 address_line_2 postal_code city state country tax_id "
    "bank_account_holder bank_name iban bic locale time_zone"
).split()
BUYER = (
    "number company_name email phone tax_id billing_address_line_1 billing_address_line_2 "
    "billing_postal_code billing_city billing_state billing_country locale"
).split()


def parties(account: Account, organization: Organization) -> dict[str, dict[str, Any]]:
    """Who writes and to whom, as they are now: the head of every document."""
    logo = {"logo": organization.logo.sha256} if organization.logo else {}
    return {
        "seller": {name: getattr(organization, name) for name in SELLER} | logo,
        "buyer": {name: getattr(account, name) for name in BUYER},
    }


def snapshot(
    invoice: Invoice,
    lines: Iterable[InvoiceLineItem],
    account: Account,
    organization: Organization,
    *,
    number: str,
    issue_date: date,
) -> dict[str, Any]:
    """Parties, lines and totals as they are now, in plain JSON; amounts in minor units."""
    return {
        "number": number,
        "issue_date": issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "currency": invoice.currency,
        "title": invoice.title,
        "description": invoice.description,
        "order_numbers": _listed(invoice.order_numbers),
        "purchase_order_numbers": _listed(invoice.purchase_order_numbers),
        **parties(account, organization),
        **_said_besides(invoice, organization, issue_date),
        "lines": [
            {
                "description": line.description,
                "quantity": str(line.quantity),
                "unit_price": str(line.unit_price.amount),
                "tax_rate": str(line.tax_rate),
                "net_amount": line.net_amount,
                "tax_amount": line.tax_amount,
                "amount": line.amount,
                **({"tax_reason": reason} if (reason := organization.zero_tax_reason) else {}),
            }
            for line in lines
        ],
        "total_amount": invoice.total_amount,
    }


def _said_besides(invoice: Invoice, organization: Organization, issue_date: date) -> dict[str, str]:
    """What not every invoice says: notes, terms, and for three months that the bank account is another."""
    changed = organization.bank_changed_date
    said = {
        "notes": invoice.notes,
        "terms": organization.terms,
        "bank_changed_date": str(changed) if changed and issue_date - changed <= TOLD_FOR else "",
    }
    return {name: text for name, text in said.items() if text}


def with_logo(paper: dict[str, Any]) -> dict[str, Any]:
    """A paper with the picture that it names, as base64: what draws papers reads no database."""
    sha256 = paper["seller"].get("logo")
    if not sha256:
        return paper
    return paper | {"logo": b64encode(Logo.objects.get(sha256=sha256).content).decode()}


def _listed(numbers: str) -> list[str]:
    return numbers.split(", ") if numbers else []
