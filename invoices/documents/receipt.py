"""What stands on a receipt: money that came, and what it paid."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invoices.documents.letterhead import letterhead, notes, type_size
from invoices.documents.wording import Wording, isolated

WENT_BACK = {"refund": "sent_back", "chargeback": "charged_back", "reversal": "undone"}
AMOUNT_WIDTH = 80.7  # inside the padding of the column, in points


def receipt_context(paper: Mapping[str, Any], *, is_test_mode: bool) -> dict[str, Any]:
    """Everything that the receipt's template shows.

    `paper` holds `number`, `paid_date`, `currency`, `amount`, how it was paid (`method`, a card's `last4`,
    `label`, `provider`), `payer`, `reference`, the parties as on an invoice, `parts` (the invoice's `number`
    and `issue_date`, `amount`), `credit` (what no invoice took) and `refunds` (`date`, `amount`, `kind`:
    `refund`, `chargeback`, or `reversal` of what was entered by mistake). Amounts are minor units.
    """
    wording = Wording(paper["buyer"]["locale"])
    labels, currency = wording.labels, paper["currency"]
    paid_date = date.fromisoformat(paper["paid_date"])
    parts = [
        {
            "name": isolated(part["number"]),
            "date": wording.day(date.fromisoformat(part["issue_date"])),
            "amount": wording.figure(part["amount"], currency),
        }
        for part in paper["parts"]
    ]
    if paper["credit"]:
        credit = wording.figure(paper["credit"], currency)
        parts.append({"name": labels["credit"], "date": "", "amount": credit})
    head = letterhead(
        paper,
        wording,
        heading=f"{labels['receipt']} {paper['number']}",
        created=paper["paid_date"],
        facts=_facts(paper, wording),
        is_test_mode=is_test_mode,
    )
    return {
        **head,
        "number": isolated(paper["number"]),
        "asked": wording.sentence(
            "paid", amount=wording.amount(paper["amount"], currency), date=wording.day(paid_date, long=True)
        ),
        "parts": parts,
        "type_size": type_size((AMOUNT_WIDTH, [part["amount"] for part in parts])),
        "total": wording.amount(paper["amount"], currency),
        "refunds": [
            {
                "label": labels[WENT_BACK[refund["kind"]]],
                "date": wording.day(date.fromisoformat(refund["date"])),
                "amount": wording.amount(refund["amount"], currency),
            }
            for refund in paper["refunds"]
        ],
        "notes": notes(paper["seller"].get("legal_line"), wording=wording, is_test_mode=is_test_mode),
    }


def _facts(paper: Mapping[str, Any], wording: Wording) -> dict[str, object]:
    """Of a bank transfer, and of what staff recorded, the reference is ours; others are what the provider
    knows the money by."""
    is_ours = paper["method"] == "bank_transfer" or paper.get("is_recorded", False)
    reference = "reference" if is_ours else wording.labels["reference_at"].format(name=paper["provider"])
    return {
        "receipt_number": paper["number"],
        "paid_on": wording.day(date.fromisoformat(paper["paid_date"])),
        "method": wording.method(paper),
        "paid_by": paper["payer"],
        reference: paper["reference"],
        "customer_number": paper["buyer"]["number"],
        "buyer_tax_id": paper["buyer"].get("tax_id"),
    }
