"""Head and foot of every document: who writes to whom, what repeats on each page. And its figures' size."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from invoices.documents.wording import Wording, han_form, isolated

Facts = list[tuple[str, SafeString]]
DIGIT, OTHER = 0.572, 0.268  # of the font, in ems


def letterhead(
    paper: Mapping[str, Any],
    wording: Wording,
    *,
    heading: str,
    created: str,
    facts: Mapping[str, object],
    is_test_mode: bool,
) -> dict[str, Any]:
    """What documents/paper.html shows. `heading` names the document on every page; `created` is its day;
    `facts` are values by the names of their labels (or by what is said instead); empty ones are left out."""
    labels, seller = wording.labels, _seller(paper["seller"], wording)
    name_and_tax_id = filter(None, (seller["plain_name"], paper["seller"].get("tax_id")))
    return {
        "wording": wording,
        "labels": labels,
        "heading": heading,
        "created": f"{created}T00:00:00Z",
        "page": _around(labels["page"], "{page}", "{pages}"),
        "is_test_mode": is_test_mode,
        "seller": seller,
        "logo": paper.get("logo", ""),
        "legal_line": paper["seller"].get("legal_line") or " · ".join(name_and_tax_id),
        "buyer": _buyer(paper["buyer"], wording),
        "facts": [(labels.get(name, name), isolated(value)) for name, value in facts.items() if value],
        "currency": paper["currency"],
    }


def notes(*texts: str | None, wording: Wording, is_test_mode: bool) -> list[SafeString]:
    """What stands below all the rest; in test mode the word on it too."""
    test_note = wording.labels["test_note"] if is_test_mode else ""
    return [isolated(text) for text in (*texts, test_note) if text]


def type_size(*columns: tuple[float, Iterable[str]]) -> str:
    """The size at which all figures fit their columns, which are given by their width inside the padding in
    points: `9pt`, or `8pt`, or what it takes."""
    fitting = min(width / max(map(_ems, filter(None, figures)), default=1) for width, figures in columns)
    return "9pt" if fitting >= 9 else "8pt" if fitting >= 8 else f"{int(fitting * 10) / 10}pt"


def _ems(figure: str) -> float:
    """The width of a number in ems."""
    return sum(DIGIT if sign.isdigit() else OTHER for sign in strip_tags(figure))


def _around(text: str, *places: str) -> list[str]:
    """What stands before, between and behind the places of a text."""
    for place in places:
        text = text.replace(place, "\n")
    return text.split("\n")


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())


def _seller(seller: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    name, address = _one_line(seller["legal_name"]), wording.address(seller)
    return {
        "plain_name": name,
        "name": isolated(name),
        "trade_name": isolated(_one_line(seller["name"])),
        "lang": han_form(seller["country"]) or wording.tag,
        "address": [isolated(line) for line in address],
        "return_line": isolated(" · ".join((name, *address))),
        "tax_id": isolated(seller.get("tax_id")),
        "email": isolated(seller.get("email")),
        "is_american": seller["country"] == "US",
    }


def _buyer(buyer: Mapping[str, Any], wording: Wording) -> dict[str, Any]:
    name = _one_line(buyer["company_name"])
    return {
        "plain_name": name,
        "name": isolated(name),
        "lang": han_form(buyer["billing_country"]) or wording.tag,
        "address": [isolated(line) for line in wording.address(buyer, "billing_")],
    }
