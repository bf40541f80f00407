"""A bank transfer on paper: the details to type, and the same as a QR code for banking apps.

The code follows the European Payments Council's guidelines for SEPA credit transfers (EPC069-12).
"""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from core.money import from_minor

IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")
SEPA = frozenset(
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL"
    " PT RO RS SE SI SK SM VA XK".split()
)
MOST = 999_999_999_99  # cents
LONGEST = 331  # bytes
QUIET_ZONE = 4  # modules


def compact(account: str) -> str:
    """An account number without the spaces that people write."""
    return "".join(account.split()).upper()


def is_iban(account: str) -> bool:
    """Whether this is an IBAN whose check digits are right, rather than a local account number."""
    iban = compact(account)
    if not IBAN.fullmatch(iban):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def in_fours(account: str) -> str:
    """`DE89 3704 0044 …`."""
    iban = compact(account)
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def epc_payload(*, holder: str, iban: str, bic: str, amount: int, currency: str, reference: str) -> str:
    """What a banking app reads: a euro transfer of `amount` cents, or nothing when this is not one it takes:
    another currency, an account outside SEPA, an amount out of range, no holder."""
    holder, reference = (" ".join(text.split()) for text in (holder, reference))
    account, bank, euros = compact(iban), compact(bic), f"EUR{from_minor(amount, currency).amount}"
    if not (currency == "EUR" and is_iban(account) and account[:2] in SEPA and 0 < amount <= MOST and holder):
        return ""
    if not BIC.fullmatch(bank):
        bank = ""  # none is needed since version 2
    purpose = structured = ""
    lines = ("BCD", "002", "1", "SCT", bank, holder[:70], account, euros, purpose, structured, reference)
    payload = "\n".join(lines)
    return payload if len(reference) <= 140 and len(payload.encode()) <= LONGEST else ""


def qr_svg(payload: str, *, title: str) -> str:
    """A QR code as an inline SVG with its quiet zone; `title` becomes its alternative text."""
    code = QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(payload.encode(), optimize=0)
    rows = code.get_matrix()
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {len(rows)} {len(rows)}")
    SubElement(svg, "title").text = title
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    SubElement(svg, "path", d="".join(dark))
    return tostring(svg, encoding="unicode")
