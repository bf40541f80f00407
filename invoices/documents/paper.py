"""What stands on an invoice, taken from its frozen snapshot and written in the buyer's language."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.safestring import mark_safe

from invoices.documents.letterhead import letterhead, notes, type_size
from invoices.documents.transfer import epc_payload, in_fours, is_iban, qr_svg
from invoices.documents.wording import Wording, isolated

ORDERS_NAMED = 6
HALF_A_PAGE = 1000  # characters of a description; a longer line may be split
AMOUNT_WIDTH, PRICE_WIDTH, TAX_WIDTH = 79.3, 65.1, 63.7  # inside the padding of columns, in points


def invoice_context(paper: Mapping[str, Any], *, pay_now_url: str, is_test_mode: bool) -> dict[str, Any]:
    """Everything that the invoice's template shows.

    `paper` is the snapshot that issuing froze. It may also hold `order_numbers`, `purchase_order_numbers`,
    `paid_amount` (minor units, before issue), `terms`, `notes`, `bank_changed_date`, the seller's
    `legal_line`, and on a line `tax_reason`, why no tax is due; what is missing or empty is left out.
    """
    wording = Wording(paper["buyer"]["locale"])
    currency = paper["currency"]
    due = paper["total_amount"] - paper.get("paid_amount", 0)
    asked = wording.sentence(
        "due_by" if due else "nothing_due",
        amount=wording.amount(due, currency),
        date=wording.day(date.fromisoformat(paper["due_date"]), long=True),
    )
    lines = [_line(line, currency, wording) for line in paper["lines"]]
    taxes = taxes_of(paper["lines"], currency, wording)
    below = (
        _bank_changed(paper, wording),
        paper.get("terms"),
        paper.get("notes"),
        paper["seller"].get("legal_line"),
    )
    head = letterhead(
        paper,
        wording,
        heading=f"{wording.labels['invoice']} {paper['number']}",
        created=paper["issue_date"],
        facts=_facts(paper, wording),
        is_test_mode=is_test_mode,
    )
    return {
        **head,
        "number": isolated(paper["number"]),
        "pay_now_url": pay_now_url,
        "asked": asked,
        "lines": lines,
        "taxes": taxes,
        "type_size": type_size(
            (AMOUNT_WIDTH, [line["amount"] for line in lines] + [tax["net"] for tax in taxes]),
            (PRICE_WIDTH, [line["price"] for line in lines]),
            (TAX_WIDTH, [tax["tax"] for tax in taxes]),
        ),
        "totals": _totals(paper, due, wording),
        "transfer": _transfer(paper, due, wording),
        "notes": notes(*below, wording=wording, is_test_mode=is_test_mode),
    }


def _bank_changed(paper: Mapping[str, Any], wording: Wording) -> str:
    """That the bank account is another one since a day, when the snapshot says so."""
    changed = paper.get("bank_changed_date")
    if not changed:
        return ""
    return wording.labels["bank_changed"].format(date=wording.day(date.fromisoformat(changed), long=True))


def _facts(paper: Mapping[str, Any], wording: Wording) -> dict[str, object]:
    return {
        "invoice_number": paper["number"],
        "invoice_date": wording.day(date.fromisoformat(paper["issue_date"])),
        "due_date": wording.day(date.fromisoformat(paper["due_date"])),
        "customer_number": paper["buyer"]["number"],
        "order": _named(paper.get("order_numbers") or ()),
        "po_number": _named(paper.get("purchase_order_numbers") or ()),
        "buyer_tax_id": paper["buyer"].get("tax_id"),
    }


def _named(numbers: Sequence[object]) -> str:
    """`1756876866, 1756876867`, or some of them `+12`: the lines name them all."""
    more = len(numbers) - ORDERS_NAMED
    return ", ".join(map(str, numbers[:ORDERS_NAMED])) + (f" +{more}" if more > 0 else "")


def _line(line: Mapping[str, Any], currency: str, wording: Wording) -> dict[str, Any]:
    return {
        "description": isolated(line["description"]),
        "is_tall": len(line["description"]) > HALF_A_PAGE,
        "quantity": wording.quantity(Decimal(line["quantity"])),
        "price": wording.price(Decimal(line["unit_price"]), currency),
        "rate": wording.percent(Decimal(line["tax_rate"])),
        "amount": wording.figure(line["net_amount"], currency),
    }


def taxes_of(lines: Sequence[Mapping[str, Any]], currency: str, wording: Wording) -> list[dict[str, Any]]:
    """Net and tax per rate, highest first; the reason for a rate of nothing stands with it."""
    sums: dict[tuple[Decimal, str], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        rate = Decimal(line["tax_rate"])
        entry = sums[rate, "" if rate else line.get("tax_reason") or ""]
        entry[0] += line["net_amount"]
        entry[1] += line["tax_amount"]
    return [
        {
            "rate": wording.percent(rate),
            "reason": isolated(reason),
            "net": wording.figure(net, currency),
            "tax": wording.figure(tax, currency),
        }
        for (rate, reason), (net, tax) in sorted(sums.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]


def _totals(paper: Mapping[str, Any], due: int, wording: Wording) -> list[dict[str, Any]]:
    total = paper["total_amount"]
    tax = sum(line["tax_amount"] for line in paper["lines"])
    rows = [("subtotal", total - tax), ("tax", tax), ("total", total)]
    if due != total:
        rows += [("already_paid", due - total), ("amount_due", due)]
    return [
        {
            "label": wording.labels[name],
            "amount": wording.amount(minor, paper["currency"]),
            "is_main": name in ("total", "amount_due"),
        }
        for name, minor in rows
    ]


def _transfer(paper: Mapping[str, Any], due: int, wording: Wording) -> dict[str, Any] | None:
    """The payment box: nothing when nothing is due or the seller has no bank account."""
    seller, labels, currency = paper["seller"], wording.labels, paper["currency"]
    if not (seller.get("iban") and due > 0):
        return None
    holder = seller.get("bank_account_holder") or seller["legal_name"]
    known = is_iban(seller["iban"])
    account = in_fours(seller["iban"]) if known else seller["iban"]
    facts = [
        (labels["account_holder"], isolated(holder)),
        (labels["bank"], isolated(seller.get("bank_name"))),
        ("IBAN" if known else labels["account_number"], isolated(account)),
        ("BIC" if known else labels["bank_code"], isolated(seller.get("bic"))),
        (labels["amount"], wording.amount(due, currency)),
        (labels["reference"], isolated(paper["number"])),
    ]
    payload = epc_payload(
        holder=holder,
        iban=seller["iban"],
        bic=seller.get("bic") or "",
        amount=due,
        currency=currency,
        reference=paper["number"],
    )
    picture = qr_svg(payload, title=f"{labels['scan']}: {account}") if payload else ""
    return {
        "facts": [(label, value) for label, value in facts if value],
        "qr": mark_safe(picture),  # noqa: S308  built as XML from a matrix and an escaped title
    }
