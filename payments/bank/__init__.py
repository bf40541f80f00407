"""Bank statements: a file's bytes in, plain data out. Nothing of the books is known here."""

from payments.bank.base import LARGEST_FILE, MOST_LINES, BankEntry, Columns, ReadStatement
from payments.bank.camt import read_camt
from payments.bank.reading import read_statement
from payments.bank.swift import read_mt940
from payments.bank.tables import read_table

__all__ = [
    "LARGEST_FILE",
    "MOST_LINES",
    "BankEntry",
    "Columns",
    "ReadStatement",
    "read_camt",
    "read_mt940",
    "read_statement",
    "read_table",
]
