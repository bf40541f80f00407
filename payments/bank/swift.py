"""MT940, the bank statement of SWIFT."""

import logging
import re
from datetime import date
from typing import Any

from mt940.models import Transactions

from payments.bank.base import BankEntry, ReadStatement, Unreadable, checked, cleaned, minor

FORMAT = "mt940"
logging.getLogger("mt940").setLevel(logging.CRITICAL)  # it would write what it cannot read to the log
CREDITS = ("C", "RD")  # a debit that is taken back comes in
NEXT = re.compile(r"\?(\d\d)")
FULL = 27  # characters of one piece of the details: a word may go on in the next


def read_mt940(content: bytes) -> ReadStatement:
    """The lines of a file. Refuses what the format does not allow, and statements of several accounts."""
    text = _decoded(content)
    accounts = {found.strip() for found in re.findall(r"^:25:(.*)$", text, re.MULTILINE)}
    if not accounts or ":61:" not in text:
        raise Unreadable("The file is not MT940, or it has no lines")
    if len(accounts) > 1:
        raise Unreadable("The file holds several bank accounts: import each on its own")
    read = Transactions(processors={"post_transaction_details": []})
    try:
        read.parse(text)  # not `mt940.parse`, which opens a file of that name
    except Exception as error:  # noqa: BLE001 the library raises whatever its regular expressions meet
        raise Unreadable(f"A line is not as MT940 has it ({type(error).__name__})") from None
    return checked(FORMAT, accounts.pop(), [_entry(one.data) for one in read.transactions])


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _entry(told: dict[str, Any]) -> BankEntry:
    amount, day = told.get("amount"), told.get("entry_date") or told.get("date")
    if amount is None or day is None or not told.get("id"):  # the amount is what stands before the kind
        raise Unreadable("A line has no amount, no date or no kind that can be read")
    day = date(day.year, day.month, day.day)
    currency = str(amount.currency or "")
    size = minor(f"{abs(amount.amount):f}", currency, where=f"Line of {day.isoformat()}")
    details, name, account = _details(str(told.get("transaction_details") or ""))
    quoted = str(told.get("customer_reference") or "")
    if quoted in ("NONREF", "NOTPROVIDED") or quoted in details:
        quoted = ""
    return BankEntry(
        day=day,
        amount=size if told.get("status") in CREDITS else -size,
        currency=currency,
        reference=cleaned(f"{details} {quoted}", 500),
        payer_name=cleaned(name, 200),
        payer_account=cleaned(account, 64),
        bank_reference=cleaned(str(told.get("bank_reference") or ""), 64),
    )


def _details(text: str) -> tuple[str, str, str]:
    """Purpose, payer's name and account of what stands in `:86:`, in pieces (`?20…`) or as plain text."""
    text = text.replace("\n", "") if NEXT.search(text) else text
    pieces = NEXT.split(text)
    if len(pieces) == 1:
        return text, "", ""
    told = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    purpose = ""
    for code in (*range(20, 30), *range(60, 64)):
        piece = told.get(str(code), "")
        purpose += piece if len(piece) >= FULL else f"{piece} "
    return purpose, f"{told.get('32', '')}{told.get('33', '')}", told.get("31", "")
