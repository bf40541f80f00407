"""What stands on a statement of account: what moved the balance between two days."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from invoices.documents.letterhead import letterhead, notes, type_size
from invoices.documents.wording import Wording, isolated

MOST_ENTRIES = 1000  # on a PDF, which is some forty pages; drawn while somebody waits
SAID = {
    "payment": "payment",
    "credit": "credit_used",
    "refund": "taken_back",
    "credit_note": "credit_note",
    "write_off": "written_off",
}
MOVEMENT_WIDTH, BALANCE_WIDTH = 53.8, 63.7  # inside the padding of columns, in points


def statement_context(paper: Mapping[str, Any], *, is_test_mode: bool) -> dict[str, Any]:
    """Everything that the statement's template shows.

    `paper` holds `date` (when it is made), `first` and `last` (the days it is about), `currency`, `opening`,
    `closing`, `charged`, `paid`, the parties as on an invoice, and `entries`: `date`, `what` (`charge` or a
    key of SAID), a charge's `text`, else how it was paid as on a receipt, `papers` (numbers), `charge`,
    `payment`, `balance`, and `original`, a charge in its own currency. Amounts are minor units of `currency`.
    """
    wording = Wording(paper["buyer"]["locale"])
    labels, currency = wording.labels, paper["currency"]
    first, last = (date.fromisoformat(paper[name]) for name in ("first", "last"))
    entries = [_entry(entry, currency, wording) for entry in paper["entries"]]
    sums = {name: wording.figure(paper[name], currency) for name in ("opening", "closing", "charged", "paid")}
    head = letterhead(
        paper,
        wording,
        heading=f"{labels['statement']} {_period(paper, wording)}",
        created=paper["date"],
        facts=_facts(paper, wording),
        is_test_mode=is_test_mode,
    )
    closing = wording.amount(paper["closing"], currency)
    return {
        **head,
        **sums,
        "asked": wording.sentence("balance_on", amount=closing, date=wording.day(last, long=True)),
        "first": wording.day(first),
        "last": wording.day(last),
        "entries": entries,
        "type_size": type_size(
            (MOVEMENT_WIDTH, [sums["charged"], sums["paid"]]),
            (MOVEMENT_WIDTH, [entry[side] for entry in entries for side in ("charge", "payment")]),
            (BALANCE_WIDTH, [sums["opening"], sums["closing"], *(entry["balance"] for entry in entries)]),
        ),
        "notes": notes(
            "" if entries else labels["quiet"],
            paper["seller"].get("legal_line"),
            wording=wording,
            is_test_mode=is_test_mode,
        ),
    }


def _facts(paper: Mapping[str, Any], wording: Wording) -> dict[str, object]:
    return {
        "period": _period(paper, wording),
        "statement_date": wording.day(date.fromisoformat(paper["date"])),
        "customer_number": paper["buyer"]["number"],
        "buyer_tax_id": paper["buyer"].get("tax_id"),
    }


def _period(paper: Mapping[str, Any], wording: Wording) -> str:
    return " – ".join(wording.day(date.fromisoformat(paper[name])) for name in ("first", "last"))


def _entry(entry: Mapping[str, Any], currency: str, wording: Wording) -> dict[str, Any]:
    is_charge = entry["what"] == "charge"
    return {
        "date": wording.day(date.fromisoformat(entry["date"])),
        "what": _said(entry, wording),
        "papers": isolated(", ".join(entry["papers"])),
        "charge": wording.figure(entry["charge"], currency) if is_charge else "",
        "payment": "" if is_charge else wording.figure(entry["payment"], currency),
        "balance": wording.figure(entry["balance"], currency),
    }


def _said(entry: Mapping[str, Any], wording: Wording) -> SafeString:
    """What was ordered, or how it was paid: `Payment · Card ending 4242`."""
    if entry["what"] == "charge":
        text = isolated(entry["text"])
        return format_html("{} ({})", text, wording.amount(*entry["original"])) if entry["original"] else text
    name = SAID[entry["what"]]
    method = wording.method(entry) if entry["method"] and entry["what"] != "credit" else ""
    return isolated(" · ".join(filter(None, (wording.labels[name], method))))
