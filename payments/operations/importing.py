"""Importing a bank statement: all of its new lines or nothing. What an earlier file had changes nothing."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import Organization, User
from core.audit import record
from core.errors import Conflict
from payments.bank import Columns, ReadStatement, read_statement
from payments.models import BankLine, BankMapping, BankStatement
from payments.operations.doubles import mark_doubles
from payments.operations.recording import LARGEST, may_record

AT_ONCE = 500  # keys in one question to the database


def import_statement(
    *, content: bytes, file_name: str, mapping: BankMapping | None, at: datetime, staff: User
) -> BankStatement:
    """Read a file and keep the lines that no earlier file had; those that one may have had in another format
    are marked. Refuses staff who may not record payments, a
    file that was imported before, and what cannot be read: then nothing of it is kept."""
    may_record(staff)
    sha256 = hashlib.sha256(content).hexdigest()
    if BankStatement.objects.filter(sha256=sha256).exists():
        raise Conflict("This file was imported before: nothing was changed")
    read = read_statement(content, columns_of(mapping) if mapping else None)
    keys = read.keys()
    try:
        with transaction.atomic():
            Organization.objects.select_for_update().first()  # one at a time: it sees what another brought
            known = _known(read.bank_account, keys)
            statement = BankStatement.objects.create(
                sha256=sha256,
                file_name=file_name[:200],
                format=read.format,
                bank_account=read.bank_account,
                first_date=read.first,
                last_date=read.last,
                line_count=len(keys),
                known_count=len(known),
                mapping=mapping,
                imported_at=at,
                imported_by=staff,
            )
            lines = _lines(statement, read, keys, known)
            mark_doubles(lines, known=known)
            BankLine.objects.bulk_create(lines, batch_size=AT_ONCE)
            told = {"lines": len(lines), "known": len(known), "sha256": sha256}
            told |= {"doubles": sum(line.double_of_id is not None for line in lines)}
            record(statement, "bankstatement.imported", at=at, by=staff.actor, after=told)
    except IntegrityError:
        raise Conflict("Somebody imports the same lines right now: try again") from None
    return statement


def columns_of(mapping: BankMapping) -> Columns:
    """A saved mapping, as the reader takes it."""
    return Columns(
        date=mapping.date_column,
        amount=mapping.amount_column,
        bank_account=mapping.bank_account,
        delimiter=mapping.delimiter,
        encoding=mapping.encoding,
        date_format=mapping.date_format,
        decimal_mark=mapping.decimal_mark,
        currency=mapping.currency,
        currency_column=mapping.currency_column,
        reference=mapping.reference_column,
        payer_name=mapping.payer_name_column,
        payer_account=mapping.payer_account_column,
    )


def _known(bank_account: str, keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        rows = BankLine.objects.filter(bank_account=bank_account, key__in=keys[start : start + AT_ONCE])
        found.update(rows.values_list("key", flat=True))
    return found


def _lines(
    statement: BankStatement, read: ReadStatement, keys: Sequence[str], known: set[str]
) -> list[BankLine]:
    for entry in read.entries:
        if abs(entry.amount) > LARGEST:
            raise Conflict(f"An amount of {entry.day.isoformat()} is too large to be right")
    return [
        BankLine(
            statement=statement,
            bank_account=read.bank_account,
            key=key,
            day=entry.day,
            currency=entry.currency,
            amount=entry.amount,
            reference=entry.reference,
            payer_name=entry.payer_name,
            payer_account=entry.payer_account,
            status=BankLine.Status.OPEN if entry.amount > 0 else BankLine.Status.OUT,
        )
        for key, entry in zip(keys, read.entries, strict=True)
        if key not in known
    ]
