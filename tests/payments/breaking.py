"""What breaks each invariant that is a query, past everything that guards it: `BREAKS`.

The world it is done to (`test_invariants.py`): invoice 1 is paid, 2 open with a session, 3 promised, 4
cancelled, 5 partly credited and written off.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection

from invoices.models import Invoice
from payments.models import (
    AccountCredit,
    Allocation,
    Payment,
    PaymentProvider,
    PaymentSession,
    ProviderCall,
    ProviderEvent,
    Refund,
)
from tests.factories import MANUAL, NOW
from tests.past_the_guards import sql

ACCOUNTS, CHARGES, SERIES = "accounts_account", "accounts_accountlineitem", "accounts_numberseries"
INVOICES, LINES, TRAIL = "invoices_invoice", "invoices_invoicelineitem", "core_auditentry"
NOTES, NOTE_LINES, WRITE_OFFS = "invoices_creditnote", "invoices_creditnoteline", "payments_writeoff"
RECEIPTS, PAPERS = "payments_receipt", "invoices_invoicedocument"
BYTES = "BLOB" if connection.vendor == "sqlite" else "BYTEA"
PAYMENTS, SESSIONS, PARTS = "payments_payment", "payments_paymentsession", "payments_allocation"
COLLECTIONS, COVERED = "payments_paymentcollection", "payments_paymentcollectioninvoice"
OF_PAID = f"WHERE invoice_id = (SELECT id FROM {INVOICES} WHERE number = 'INV-2025-001')"
PAID, OPEN = "WHERE number = 'INV-2025-001'", "WHERE number = 'INV-2025-002'"
CAPTURED = "WHERE status = 'captured'"
ELSEWHERE = f"(SELECT id FROM {ACCOUNTS} WHERE company_name = 'Initech')"
PROMISED = "object_kind = 'payments.payment' AND action = 'payment.pending'"

Act = Callable[[], None]


def change(table: str, how: str) -> Act:
    return sql(f"UPDATE {table} SET {how}")


def wrong(table: str, how: str) -> Act:
    """A change that the database itself refuses."""
    return sql(f"UPDATE {table} SET {how}", table)


def lose(table: str, which: str) -> Act:
    return sql(f"DELETE FROM {table} {which}", table)


def again(table: str, which: str, key: str = "id", new: str = "0") -> Act:
    """A second row that differs from the first only in its id, or in another column."""

    def run() -> None:
        with connection.cursor() as cursor:
            columns = [
                column.name for column in connection.introspection.get_table_description(cursor, table)
            ]
        told = ", ".join("0" if name == "id" else new if name == key else name for name in columns)
        sql(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {told} FROM {table} WHERE {which} LIMIT 1",
            table,
        )()

    return run


def lose_trigger(name: str) -> Act:
    def run() -> None:
        connection.check_constraints()
        with connection.cursor() as cursor:
            what = f"TRIGGER {name}" if connection.vendor == "sqlite" else f"FUNCTION {name}() CASCADE"
            cursor.execute(f"DROP {what}")

    return run


def both(*acts: Act) -> Act:
    def run() -> None:
        for act in acts:
            act()

    return run


def paid() -> Invoice:
    return Invoice.objects.get(number="INV-2025-001")


def capture_for_long() -> None:
    session = PaymentSession.objects.get(status="pending_verification")
    PaymentSession.objects.filter(pk=session.pk).update(status="capturing", claimed_at=NOW)


def revive_a_session() -> None:
    session = PaymentSession.objects.filter(collection__covered__invoice=paid(), status="cancelled")
    session.filter(pk=session.first().pk).update(status="created", ended_at=None)


def spend_a_promise() -> None:
    promise = Payment.objects.get(status="pending")
    Allocation.objects.create(
        invoice=paid(), payment=promise, currency="USD", amount=1, created_at=promise.created_at
    )


def send_back(amount: int, **changes: Any) -> Act:
    """A refund that moved no books."""

    def run() -> None:
        payment = Payment.objects.get(status="captured")
        facts = {"status": "done", "ended_at": NOW, "reference": "re_1", "currency": "USD", **changes}
        Refund.objects.create(
            payment=payment, provider=payment.provider, amount=amount, reason="x", created_at=NOW, **facts
        )

    return run


def send_back_twice() -> None:
    send_back(1)()
    again("payments_refund", "TRUE", "uuid", "'00000000000040008000000000000000'")()


def overspend_a_credit() -> None:
    credit = AccountCredit.objects.create(
        account=paid().account, currency="USD", amount=1, reason="A gift", created_at=NOW
    )
    Allocation.objects.create(invoice=paid(), credit=credit, currency="USD", amount=2, created_at=NOW)


def hear_twice() -> None:
    provider = PaymentProvider.objects.get(code=MANUAL)
    ProviderEvent.objects.create(provider=provider, event_id="evt_1", kind="told", received_at=NOW)
    again("payments_providerevent", "TRUE")()


def ask_for_more() -> None:
    asked = {"reference": "pi_1", "amount": 3941, "currency": "USD"}
    session = PaymentSession.objects.first()
    ProviderCall.objects.create(session=session, kind="capture", parameters=asked, created_at=NOW)


# For each question of `CHECKS`: what it must name, and what is done.
BREAKS: dict[str, dict[str, list[Act]]] = {
    "an account's figures are the sums of its charges": {
        "accounts.Account": [
            change(ACCOUNTS, "total_amount = total_amount + 1 WHERE total_amount > 0"),
            change(ACCOUNTS, "paid_amount = paid_amount - 1 WHERE paid_amount > 0"),
            change(CHARGES, "account_amount = account_amount + 1 WHERE settled_amount = 0"),
        ],
    },
    "what is paid on an invoice is what is allocated to it": {
        "invoices.Invoice": [
            lose(PARTS, ""),
            change(PARTS, "amount = amount - 1"),
            change(INVOICES, f"paid_amount = 1 {OPEN}"),
        ],
    },
    "charges are settled as their invoices are paid": {
        "accounts.AccountLineItem": [
            change(CHARGES, "settled_amount = 3939 WHERE settled_amount = 3940"),
            change(CHARGES, "settled_amount = 1 WHERE settled_amount = 0"),
            change(CHARGES, "settled_account_amount = 3939 WHERE settled_amount > 0"),
        ],
    },
    "nothing was charged over the credit limit without an audited override": {
        "accounts.Account": [change(ACCOUNTS, "credit_limit = 11819 WHERE total_amount > 0")],
    },
    "everything joined has one currency": {
        "invoices.InvoiceLineItem": [change(CHARGES, "currency = 'EUR'")],
        "payments.PaymentCollectionInvoice": [change(COLLECTIONS, "currency = 'EUR'")],
        "payments.PaymentSession": [change(SESSIONS, "currency = 'EUR'")],
        "payments.Payment": [change(PAYMENTS, "currency = 'EUR'")],
        "payments.Allocation": [change(PARTS, "currency = 'EUR'")],
        "payments.Refund": [send_back(1, currency="EUR")],
    },
    "everything joined has one account": {
        "payments.PaymentCollectionInvoice": [change(COLLECTIONS, f"account_id = {ELSEWHERE}")],
        "invoices.InvoiceLineItem": [change(CHARGES, f"account_id = {ELSEWHERE}")],
    },
    "a correction is of its own invoice": {
        "invoices.CreditNote": [
            wrong(NOTES, "currency = 'EUR'"),
            wrong(NOTES, f"account_id = {ELSEWHERE}"),
        ],
        "invoices.CreditNoteLine": [
            wrong(NOTE_LINES, f"invoice_line_id = (SELECT id FROM {LINES} {OF_PAID})")
        ],
        "payments.WriteOff": [change(WRITE_OFFS, "currency = 'EUR'")],
        "payments.Allocation": [
            change(PARTS, f"invoice_id = (SELECT id FROM {INVOICES} {PAID}) WHERE {source}_id IS NOT NULL")
            for source in ("credit_note", "write_off")
        ],
    },
    "amounts are whole, and every row is within its bounds": {
        "accounts.Account": [wrong(ACCOUNTS, "credit_limit = -1")],
        "accounts.AccountLineItem": [wrong(CHARGES, "settled_amount = amount + 1")],
        "invoices.Invoice": [
            wrong(INVOICES, f"total_amount = 0 {OPEN}"),
            wrong(INVOICES, f"paid_amount = -1 {OPEN}"),
            wrong(INVOICES, f"status = 'paid' {OPEN}"),
        ],
        "invoices.InvoiceLineItem": [wrong(LINES, f"tax_amount = 1 {OF_PAID}")],
        "payments.PaymentSession": [wrong(SESSIONS, "amount = 0 WHERE status = 'initiated'")],
        "payments.Payment": [wrong(PAYMENTS, f"rejected_at = verified_at {CAPTURED}")],
        "payments.Allocation": [wrong(PARTS, "amount = 0")],
    },
    "a charge is on at most one live invoice, and says whether it is": {
        "accounts.AccountLineItem": [again(LINES, "is_live"), change(CHARGES, "is_billed = NOT is_billed")],
    },
    "an invoice's total is the sum of its lines": {
        "invoices.Invoice": [
            wrong(LINES, f"amount = amount + 1, net_amount = net_amount + 1 {OF_PAID}"),
            wrong(INVOICES, f"total_amount = total_amount + 1 {OPEN}"),
        ],
    },
    "no more is credited than an invoice and its lines have": {
        "invoices.CreditNote": [wrong(NOTES, "total_amount = total_amount + 1")],
        "invoices.InvoiceLineItem": [
            wrong(NOTE_LINES, "amount = 9999, net_amount = 9999"),
            wrong(NOTE_LINES, "net_amount = net_amount - 1, tax_amount = tax_amount + 1"),
        ],
        "invoices.Invoice": [wrong(NOTES, "total_amount = 9999"), change(WRITE_OFFS, "amount = 3000")],
    },
    "what is reserved on an invoice is its share of unsettled sessions": {
        "invoices.Invoice": [
            change(INVOICES, f"reserved_amount = 1 {OPEN}"),
            change(INVOICES, "reserved_amount = 0 WHERE reserved_amount > 0"),
        ],
    },
    "invoice numbers have no gap": {
        "accounts.NumberSeries": [
            change(SERIES, "last_number = last_number + 1 WHERE code = 'invoice'"),
            change(SERIES, "last_number = last_number - 1 WHERE code = 'invoice'"),
            wrong(INVOICES, "number_sequence = 7 WHERE number = 'INV-2025-004'"),
            again(INVOICES, "number_sequence = 4", "number", "'INV-2025-004b'"),
        ],
        "invoices.Invoice": [lose(SERIES, "WHERE code = 'invoice'")],
    },
    "credit note numbers have no gap": {
        "accounts.NumberSeries": [
            change(SERIES, "last_number = last_number + 1 WHERE code = 'credit_note'"),
            wrong(NOTES, "number_sequence = 7 WHERE number = 'CN-2025-002'"),
        ],
        "invoices.CreditNote": [lose(SERIES, "WHERE code = 'credit_note'")],
    },
    "receipt numbers have no gap": {
        "accounts.NumberSeries": [
            change(SERIES, "last_number = last_number + 1 WHERE code = 'receipt'"),
            wrong(RECEIPTS, "number_sequence = 2"),
        ],
        "payments.Receipt": [lose(SERIES, "WHERE code = 'receipt'")],
    },
    "each captured payment has a receipt": {
        "payments.Payment": [lose(RECEIPTS, "WHERE number_sequence = 1")],
        "payments.Receipt": [
            wrong(RECEIPTS, f"payment_id = (SELECT id FROM {PAYMENTS} WHERE status = 'pending')"),
        ],
    },
    "an issued invoice is kept with its number, and a draft has none": {
        "core.AuditEntry": [
            lose(INVOICES, OPEN),
            wrong(INVOICES, f"number = 'INV-2025-099' {PAID}"),
            wrong(INVOICES, "number = NULL WHERE status = 'cancelled'"),
        ],
        "invoices.Invoice": [
            wrong(INVOICES, f"status = 'draft' {OPEN}"),
            both(wrong(INVOICES, f"number = NULL {OPEN}"), lose(TRAIL, "WHERE action = 'invoice.sent'")),
        ],
    },
    "the database keeps issued invoices": {
        "trigger": [lose_trigger("guard_invoice_delete"), lose_trigger("guard_invoice_number")],
    },
    "an issued invoice is as it was frozen": {
        "invoices.Invoice": [
            wrong(INVOICES, f"snapshot_hash = '0' {PAID}"),
            wrong(INVOICES, f"snapshot = '{{\"total_amount\": 1}}' {PAID}"),
            wrong(INVOICES, f"snapshot = NULL {PAID}"),
            wrong(INVOICES, f"due_date = '2025-12-31' {PAID}"),
            wrong(INVOICES, f"currency = 'EUR' {PAID}"),
        ],
    },
    "the PDF of an invoice is as it was made": {
        "invoices.InvoiceDocument": [
            wrong(PAPERS, "sha256 = 'x' WHERE kind = 'plain'"),
            wrong(PAPERS, "content = CAST('%PDF-' AS " + BYTES + ") WHERE kind = 'pay_now'"),
        ],
    },
    "a credit note is as it was frozen": {
        "invoices.CreditNote": [
            wrong(NOTES, "snapshot_hash = '0'"),
            wrong(NOTES, "total_amount = 9999"),
            wrong(NOTES, "issue_date = '2025-12-31'"),
        ],
        "invoices.CreditNoteDocument": [wrong("invoices_creditnotedocument", "sha256 = 'x'")],
    },
    "the database freezes issued invoices": {
        "trigger": [
            lose_trigger("guard_invoice_frozen"),
            lose_trigger("guard_line_insert"),
            lose_trigger("guard_line_update"),
            lose_trigger("guard_line_delete"),
        ],
    },
    "an invoice's number has the year of its issue date": {
        "invoices.Invoice": [
            wrong(INVOICES, f"number_year = 2024 {PAID}"),
            wrong(INVOICES, f"issue_date = '2024-12-31' {PAID}"),
        ],
    },
    "a provider's reference stands for one thing": {
        "payments.Payment": [again(PAYMENTS, "TRUE")],
        "payments.PaymentSession": [again(SESSIONS, "reference <> ''")],
        "payments.ProviderEvent": [hear_twice],
        "payments.Refund": [send_back_twice],
    },
    "a payment is what its provider reported": {
        "payments.Payment": [
            change(PAYMENTS, f"amount = amount + 1 {CAPTURED}"),
            change(PAYMENTS, f"currency = 'EUR' {CAPTURED}"),
            change(PAYMENTS, f"account_id = {ELSEWHERE} {CAPTURED}"),
            change(SESSIONS, "amount = amount + 1 WHERE status = 'succeeded'"),
        ],
        "payments.ProviderCall": [ask_for_more],
    },
    "a captured payment is allocated or kept as credit, to the last unit": {
        "payments.Payment": [change(PAYMENTS, f"amount = amount + 1 {CAPTURED}"), lose(PARTS, "")],
        "payments.AccountCredit": [overspend_a_credit],
    },
    "a correction settles its invoice or is kept, to the last unit": {
        "invoices.CreditNote": [
            lose(PARTS, "WHERE credit_note_id IS NOT NULL"),
            change("payments_accountcredit", "amount = amount + 1 WHERE credit_note_id IS NOT NULL"),
        ],
        "payments.WriteOff": [
            lose(PARTS, "WHERE write_off_id IS NOT NULL"),
            change(WRITE_OFFS, "undone_at = created_at"),
        ],
    },
    "no more is sent back than came, and the payment says so": {
        "payments.Payment": [
            change(PAYMENTS, f"status = 'refunded' {CAPTURED}"),
            change(PAYMENTS, f"status = 'partially_refunded' {CAPTURED}"),
            send_back(1),
            send_back(5000),
        ],
        "payments.Refund": [
            send_back(1),
            send_back(2, credit_amount=1),
            send_back(5000, status="requested", ended_at=None),
        ],
    },
    "an invoice is claimed exactly while a session captures": {
        "payments.PaymentCollectionInvoice": [
            change(COVERED, f"is_claimed = TRUE {OF_PAID}"),
            capture_for_long,
        ],
    },
    "every move of a session has its audit row": {
        "payments.PaymentSession": [
            change(SESSIONS, "status = 'rejected' WHERE status = 'cancelled'"),
            lose(TRAIL, "WHERE object_kind = 'payments.paymentsession'"),
        ],
    },
    "no live session on an invoice that is closed": {"payments.PaymentSession": [revive_a_session]},
    "no session captures for long without an open issue": {"payments.PaymentSession": [capture_for_long]},
    "a promise counts nothing until somebody else verified it": {
        "payments.Payment": [
            change(PAYMENTS, f"verified_by_id = NULL {CAPTURED}"),
            change(PAYMENTS, f"verified_by_id = payer_id {CAPTURED}"),
            spend_a_promise,
        ],
    },
    "every booking of money is told once in the audit trail": {
        "accounts.AccountLineItem": [
            lose(TRAIL, "WHERE action = 'account.charged'"),
            again(TRAIL, "action = 'account.charged'"),
        ],
        "payments.Payment": [lose(TRAIL, f"WHERE {PROMISED}"), again(TRAIL, PROMISED)],
        "payments.AccountCredit": [overspend_a_credit],
        "invoices.CreditNote": [lose(TRAIL, "WHERE action = 'credit_note.issued'")],
        "payments.WriteOff": [lose(TRAIL, "WHERE action = 'write_off.made'")],
    },
    "the audit trail tells how payments and invoices stand": {
        "payments.Payment": [lose(TRAIL, "WHERE action = 'payment.captured'")],
        "invoices.Invoice": [
            lose(TRAIL, "WHERE action = 'invoice.sent'"),
            lose(TRAIL, "WHERE action = 'invoice.paid'"),
            change(INVOICES, f"paid_amount = 1 {OPEN}"),
        ],
    },
    "the database lets the audit trail only grow": {
        "trigger": [lose_trigger("guard_audit_update"), lose_trigger("guard_audit_delete")],
    },
}
