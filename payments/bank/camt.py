"""CAMT.053, the bank statement of ISO 20022, versions 02 and 08. Booked entries only."""

import re
from collections.abc import Iterator
from datetime import date
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from payments.bank.base import BankEntry, ReadStatement, Unreadable, checked, cleaned, minor

FORMAT = "camt.053"
SPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(\d\d)\}Document")
VERSIONS = ("02", "08")


def read_camt(content: bytes) -> ReadStatement:
    """The booked entries of the statements in a file. An entry over several payments is several lines, where
    the file says how much each is. Refuses other versions, entities, and statements of several accounts."""
    try:
        document = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise Unreadable("The file defines entities, which no bank statement does") from None
    except (ParseError, LookupError, ValueError):
        raise Unreadable("The file is not complete XML") from None
    named = SPACE.fullmatch(document.tag)
    if named is None or named[1] not in VERSIONS:
        raise Unreadable("The file is XML, but not CAMT.053 of version 02 or 08")
    _without_spaces(document)
    statements = document.findall("BkToCstmrStmt/Stmt")
    accounts = {_first(one, "Acct/Id/IBAN", "Acct/Id/Othr/Id") for one in statements}
    if len(accounts) > 1:
        raise Unreadable("The file holds several bank accounts: import each on its own")
    entries = [entry for one in statements for booked in one.findall("Ntry") for entry in _entries(booked)]
    return checked(FORMAT, accounts.pop() if accounts else "", entries)


def _without_spaces(document: Element) -> None:
    for element in document.iter():
        element.tag = element.tag.rpartition("}")[2]


def _entries(booked: Element) -> Iterator[BankEntry]:
    if _first(booked, "Sts/Cd", "Sts") != "BOOK":
        return
    day = _day(booked)
    total = booked.find("Amt")
    currency = total.get("Ccy", "") if total is not None else ""
    where = f"Entry of {day.isoformat()}"
    amount = minor(_text(total), currency, where=where)
    sign = _sign(booked, where)
    bank = _first(booked, "AcctSvcrRef", "NtryRef")
    details = booked.findall("NtryDtls/TxDtls")
    parts = [_part(one, currency, where) for one in details]
    if len(details) > 1 and None not in parts and sum(one or 0 for one in parts) == amount:
        for detail, part in zip(details, parts, strict=True):
            yield _entry(day, sign * (part or 0), currency, booked, [detail], bank, sign)
    else:
        yield _entry(day, sign * amount, currency, booked, details, bank, sign)


def _part(detail: Element, currency: str, where: str) -> int | None:
    """How much of the entry one payment is; None where that is not told in the entry's currency."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = detail.find(path)
        if found is not None:
            return minor(_text(found), currency, where=where) if found.get("Ccy") == currency else None
    return None


def _entry(
    day: date,
    amount: int,
    currency: str,
    booked: Element,
    details: list[Element],
    bank: str,
    sign: int,
) -> BankEntry:
    """Who paid stands under the debtor of what came in, under the creditor of what went out."""
    role = "Dbtr" if sign > 0 else "Cdtr"
    texts = [text for one in details for text in _remittance(one)]
    texts = texts or [_first(booked, "AddtlNtryInf")]
    names = [_first(one, f"RltdPties/{role}/Pty/Nm", f"RltdPties/{role}/Nm") for one in details]
    account = f"RltdPties/{role}Acct/Id"
    accounts = [_first(one, f"{account}/IBAN", f"{account}/Othr/Id") for one in details]
    own = [_first(one, "Refs/AcctSvcrRef", "Refs/TxId") for one in details]
    return BankEntry(
        day=day,
        amount=amount,
        currency=currency,
        reference=cleaned(" ".join(texts), 500),
        payer_name=cleaned(_only(names), 200),
        payer_account=cleaned(_only(accounts), 64),
        bank_reference=cleaned(_only(own) or bank, 64),
    )


def _remittance(detail: Element) -> Iterator[str]:
    """What the payer wrote: free text, the structured reference, and the reference from end to end."""
    for path in ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref", "Refs/EndToEndId"):
        for element in detail.findall(path):
            if _text(element) not in ("", "NOTPROVIDED"):
                yield _text(element)


def _sign(booked: Element, where: str) -> int:
    told = _first(booked, "CdtDbtInd")
    if told not in ("CRDT", "DBIT"):
        raise Unreadable(f"{where}: it is neither credit nor debit")
    return 1 if told == "CRDT" else -1


def _day(booked: Element) -> date:
    told = _first(booked, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")[:10]
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise Unreadable(f"An entry has no date that can be read ({cleaned(told, 20)!r})") from None


def _first(element: Element, *paths: str) -> str:
    """The first text that stands at one of these places."""
    return next((text for path in paths if (text := _text(element.find(path)))), "")


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _only(values: list[str]) -> str:
    """What all agree on."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else ""
