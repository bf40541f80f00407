"""Bank statements as files: what each format says, and what is refused."""

from datetime import date
from pathlib import Path

import pytest

from payments.bank import LARGEST_FILE, MOST_LINES, BankEntry, Columns, read_statement
from payments.bank.base import Unreadable

FILES = Path(__file__).parent / "bank_files"
TABLE = Columns(
    date="Booked",
    amount="Amount",
    bank_account="DE89 3704 0044 0532 0130 00",
    date_format="%d.%m.%Y",
    decimal_mark=",",
    currency_column="Currency",
    reference="Text",
    payer_name="Name",
    payer_account="Account",
)
FIRST, SECOND, THIRD = (date(2025, 9, day) for day in (1, 2, 3))


def a_file(name: str) -> bytes:
    return (FILES / f"statement.{name}").read_bytes()


def camt(**changes: str) -> bytes:
    text = a_file("camt.053.001.02.xml").decode()
    for old, new in changes.items():
        text = text.replace(old.replace("__", " "), new)
    return text.encode()


def test_camt_02_has_credits_debits_and_entries_over_several_payments():
    read = read_statement(a_file("camt.053.001.02.xml"))
    assert (read.format, read.bank_account, read.first, read.last) == (
        "camt.053",
        "DE89370400440532013000",
        FIRST,
        SECOND,
    )
    assert read.entries == (
        BankEntry(FIRST, 3940, "USD", "Invoice INV-2025-001", "Globex", "DE02120300000000202051", "B-1"),
        BankEntry(SECOND, 1000, "USD", "First", "Initech", "", "B-2-1"),
        BankEntry(SECOND, 2000, "USD", "Second", "Umbrella", "", "B-2-2"),
        BankEntry(SECOND, -1250, "USD", "Account fee"),
    )


def test_camt_08():
    read = read_statement(a_file("camt.053.001.08.xml"))
    reference = "RF18539007547034 INV-2025-007-1"
    assert read.bank_account == "10020030-1234567"
    assert read.entries == (BankEntry(FIRST, 1182, "JPY", reference, "Globex KK", "7654321", "C-1"),)


def test_camt_an_entry_whose_parts_do_not_add_up_is_one_line():
    read = read_statement(camt(**{'"USD">20.00': '"USD">20.01'}))
    assert read.entries[1] == BankEntry(SECOND, 3000, "USD", "First Second", "", "", "B-2")


def test_mt940():
    read = read_statement(a_file("mt940.sta"))
    assert (read.format, read.bank_account) == ("mt940", "10020030/1234567")
    assert read.entries == (
        BankEntry(
            SECOND,
            3940,
            "USD",
            "INV-2025-001 Thank you",
            "Globex Ltd",
            "DE02120300000000202051",
            "B4711",
        ),
        BankEntry(THIRD, -1250, "USD", "Account fee FEE"),
        BankEntry(THIRD, -500, "USD", "Credit taken back REF1"),
        BankEntry(THIRD, 700, "USD", "Half of the invoice"),
    )


def test_a_table_by_its_mapping():
    read = read_statement(a_file("csv"), TABLE)
    assert (read.format, read.bank_account) == ("csv", "DE89370400440532013000")
    assert read.entries == (
        BankEntry(FIRST, 103940, "USD", "Invoice INV-2025-001", "Globex", "DE02120300000000202051"),
        BankEntry(SECOND, -1250, "USD", "Account fee"),
        BankEntry(THIRD, 700, "USD", '=HYPERLINK("x")', "Müller"),
    )


def test_keys_are_the_same_in_every_file_and_tell_equal_lines_apart():
    whole = read_statement(a_file("csv"), TABLE).keys()
    assert len({*whole}) == 3
    head, *lines = a_file("csv").decode().splitlines(keepends=True)
    twice = read_statement(f"{head}{lines[0]}{lines[0]}".encode(), TABLE).keys()
    assert twice[0] == whole[0]
    assert twice[1] not in whole


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b" \r\n", "The file is empty"),
        (b" " * LARGEST_FILE + b"xx", "The file is larger than 1 MB: export a shorter time"),
        (BOMB, "The file defines entities, which no bank statement does"),
        (OUTSIDE, "The file defines entities, which no bank statement does"),
        (b"<Document", "The file is not complete XML"),
        (b'<?xml version="1.0" encoding="klingon"?><x/>', "The file is not complete XML"),
        (b"<html/>", "The file is XML, but not CAMT.053 of version 02 or 08"),
        (camt(**{"001.02": "001.99"}), "The file is XML, but not CAMT.053 of version 02 or 08"),
        (camt(BOOK="PDNG"), "The file has no booked lines"),
        (camt(DE89370400440532013000=""), "The file does not say of which bank account it is"),
        (camt(USD="XXQ"), "Entry of 2025-09-01: Unknown currency 'XXQ' ('39.40')"),
        (camt(**{"39.40": "9" * 40}), f"Entry of 2025-09-01: Enter an amount ({'9' * 40!r})"),
        (camt(**{"39.40": "NaN"}), "Entry of 2025-09-01: Enter an amount ('NaN')"),
        (camt(**{"2025-09-01": "2025-13-01"}), "An entry has no date that can be read ('2025-13-01')"),
        (camt(**{"2025-09-01": "0001-01-01"}), "The date 0001-01-01 cannot be right"),
        (camt(CRDT="BOTH"), "Entry of 2025-09-01: it is neither credit nor debit"),
        (b"hello", "The file is not MT940, or it has no lines"),
        (b":25:1\n:61:garbage\n", "A line is not as MT940 has it (RuntimeError)"),
        (b":25:1\n:60F:C250901USD1,\n:61:2513450902CR1,N051NONREF\n", None),
        (
            b":25:1\n:60F:C250901EUR1,\n:61:2509020902C1.000,50NTRFNONREF\n",  # it would be read as 1 euro
            "A line has no amount, no date or no kind that can be read",
        ),
        (b":25:1\n:25:2\n:61:x\n", "The file holds several bank accounts: import each on its own"),
    ],
)
def test_what_is_no_statement_is_refused_in_words(content, message):
    with pytest.raises(Unreadable) as caught:
        read_statement(content)
    assert (message is None) or (caught.value.message, caught.value.field) == (message, "file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a;b\n1;2\n", "The file has no column 'Booked': choose another mapping"),
        (
            b"Booked;Amount;Currency;Text;Name;Account;Amount\n",
            "The file has two columns 'Amount': which one is meant cannot be told",
        ),
        (b"\xff\xfe\x00", "The file is not written in utf-8"),
        (b"Booked\0;", "The file is not a text"),
        ("Booked;Amount;Currency;Text;Name;Account\n1.9.25;1;USD;;;", "Line 2: '1.9.25' is not a date"),
        (
            "Booked;Amount;Currency;Text;Name;Account\n01.09.2025;1.23;USD;;;",
            "Line 2: '1.23' is not an amount",
        ),
        ("Booked;Amount;Currency;Text;Name;Account\n01.09.2025;;USD;;;", "Line 2: '' is not an amount"),
        (
            "Booked;Amount;Currency;Text;Name;Account\n01.09.2025;1,234;USD;;;",
            "Line 2: Enter dollars with at most 2 decimals ('1.234')",
        ),
        (
            "Booked;Amount;Currency;Text;Name;Account\n" + "01.09.2025;1;USD;;;\n" * (MOST_LINES + 1),
            "The file has more than 10,000 lines: export a shorter time",
        ),
        ('Booked;Amount;Currency;Text;Name;Account\n"01.09', None),
    ],
)
def test_what_is_no_table_is_refused_in_words(content, message):
    content = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(Unreadable) as caught:
        read_statement(content, TABLE)
    assert message is None or caught.value.message == message
