"""What stands on a credit note: what was taken off an invoice, and why."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from invoices.documents.letterhead import letterhead, notes, type_size
from invoices.documents.paper import AMOUNT_WIDTH, HALF_A_PAGE, TAX_WIDTH, taxes_of
from invoices.documents.wording import Wording, isolated


def credit_note_context(paper: Mapping[str, Any], *, is_test_mode: bool) -> dict[str, Any]:
    """Everything that the credit note's template shows.

    `paper` is the snapshot that was frozen with its number: `number`, `issue_date`, `invoice_number`,
    `invoice_date`, `currency`, `reason`, the parties as on an invoice, and `lines` (`description`,
    `tax_rate`, `net_amount`, `tax_amount`, `amount`) with their `total_amount`. Amounts are minor units.
    """
    wording = Wording(paper["buyer"]["locale"])
    currency, total = paper["currency"], paper["total_amount"]
    tax = sum(line["tax_amount"] for line in paper["lines"])
    lines: list[dict[str, Any]] = [
        {
            "description": isolated(line["description"]),
            "is_tall": len(line["description"]) > HALF_A_PAGE,
            "rate": wording.percent(Decimal(line["tax_rate"])),
            "amount": wording.figure(line["net_amount"], currency),
        }
        for line in paper["lines"]
    ]
    taxes = taxes_of(paper["lines"], currency, wording)
    head = letterhead(
        paper,
        wording,
        heading=f"{wording.labels['credit_note']} {paper['number']}",
        created=paper["issue_date"],
        facts=_facts(paper, wording),
        is_test_mode=is_test_mode,
    )
    amount = wording.amount(total, currency)
    why = wording.labels["why_credited"].format(reason=paper["reason"])
    return {
        **head,
        "number": isolated(paper["number"]),
        "asked": wording.sentence("credited", amount=amount, number=isolated(paper["invoice_number"])),
        "lines": lines,
        "taxes": taxes,
        "type_size": type_size(
            (AMOUNT_WIDTH, [line["amount"] for line in lines] + [one["net"] for one in taxes]),
            (TAX_WIDTH, [one["tax"] for one in taxes]),
        ),
        "totals": [
            {"label": wording.labels[name], "amount": wording.amount(minor, currency), "is_main": is_main}
            for name, minor, is_main in (
                ("subtotal", total - tax, False),
                ("tax", tax, False),
                ("total_credited", total, True),
            )
        ],
        "notes": notes(why, paper["seller"].get("legal_line"), wording=wording, is_test_mode=is_test_mode),
    }


def _facts(paper: Mapping[str, Any], wording: Wording) -> dict[str, object]:
    return {
        "credit_note_number": paper["number"],
        "credit_note_date": wording.day(date.fromisoformat(paper["issue_date"])),
        "invoice_number": paper["invoice_number"],
        "invoice_date": wording.day(date.fromisoformat(paper["invoice_date"])),
        "customer_number": paper["buyer"]["number"],
        "buyer_tax_id": paper["buyer"].get("tax_id"),
    }
