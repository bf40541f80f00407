"""One way in: which format a file has is seen in it."""

from payments.bank.base import LARGEST_FILE, Columns, ReadStatement, Unreadable
from payments.bank.camt import read_camt
from payments.bank.swift import read_mt940
from payments.bank.tables import read_table


def read_statement(content: bytes, columns: Columns | None = None) -> ReadStatement:
    """What a file says. With `columns` it is a table; without, CAMT.053 or MT940. Refuses an empty file and
    one that is too large."""
    if not content.strip():
        raise Unreadable("The file is empty")
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"The file is larger than {LARGEST_FILE // 1024 // 1024} MB: export a shorter time")
    if columns is not None:
        return read_table(content, columns)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<" or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return read_camt(content)
    return read_mt940(content)
