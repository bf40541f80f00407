"""What the worker does: deliver the outbox, reconcile, check the books."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from accounts.models import Account, Organization
from core import outbox
from invoices import operations as invoices
from invoices.models import CreditNote, Invoice, Reminder
from invoices.operations.crediting import CREDITED
from invoices.operations.freezing import ISSUED
from invoices.operations.mailing import CREDIT_NOTE_MAIL, INVOICE_MAIL
from invoices.operations.recurring import Made
from invoices.operations.reminding import REMINDED, Run
from invoices.operations.settling import CLOSED
from payments import operations
from payments.models import Payment, PaymentSession, Refund
from payments.operations.booking import PROMISED, RECEIPT
from payments.operations.collecting import END_SESSION
from payments.operations.events import EVENT
from payments.operations.mailing_statements import STATEMENT_ASKED
from payments.operations.notifying import (
    send_credit_note,
    send_invoice,
    send_promise,
    send_receipt,
    send_refund,
    send_rejection,
    send_undone,
)
from payments.operations.reconciling import end_session
from payments.operations.recording import UNDONE
from payments.operations.refunding import REFUNDED
from payments.operations.reminding import send_reminder_letter
from payments.operations.verifying import REJECTED


@outbox.consumer(EVENT)
def event_arrived(payload: dict[str, Any], at: datetime) -> None:
    operations.process_event(event_id=payload["event"], at=at)


@outbox.consumer(ISSUED)
def invoice_issued(payload: dict[str, Any], at: datetime) -> None:
    _drawn(payload["invoice"], at)


@outbox.consumer(INVOICE_MAIL)
def mail_invoice(payload: dict[str, Any], at: datetime) -> None:
    send_invoice(_drawn(payload["invoice"], at), at=at, again=payload.get("again", ""))


def _drawn(pk: int, at: datetime) -> Invoice:
    """The invoice with its PDFs made: whichever of the two messages comes first makes them."""
    invoice = Invoice.objects.select_related("account").get(pk=pk)
    path = reverse("invoice_pay", args=[invoice.account.number, invoice.pk])
    invoices.make_documents(invoice=invoice, pay_url=f"{settings.SITE_URL}{path}", at=at)
    return invoice


@outbox.consumer(REMINDED)
def invoice_reminded(payload: dict[str, Any], at: datetime) -> None:
    reminder = Reminder.objects.select_related("invoice").get(pk=payload["reminder"])
    released = invoices.release_reminder(reminder=reminder, at=at)
    if released:
        send_reminder_letter(released, at=at)


@outbox.consumer(CREDITED)
def invoice_credited(payload: dict[str, Any], at: datetime) -> None:
    invoices.make_credit_note_document(note=CreditNote.objects.get(pk=payload["credit_note"]), at=at)


@outbox.consumer(CREDIT_NOTE_MAIL)
def mail_credit_note(payload: dict[str, Any], at: datetime) -> None:
    note = CreditNote.objects.select_related("account", "invoice__account").get(pk=payload["credit_note"])
    invoices.make_credit_note_document(note=note, at=at)
    send_credit_note(note, at=at, again=payload.get("again", ""))


@outbox.consumer(STATEMENT_ASKED)
def statement_asked(payload: dict[str, Any], at: datetime) -> None:
    first, last = date.fromisoformat(payload["first"]), date.fromisoformat(payload["last"])
    account = Account.objects.get(pk=payload["account"])
    operations.mail_statement(account=account, first=first, last=last, key=payload["key"], at=at)


@outbox.consumer(CLOSED)
def invoice_closed(payload: dict[str, Any], at: datetime) -> None:
    operations.end_sessions_of_invoice(invoice=Invoice.objects.get(pk=payload["invoice"]), at=at)


@outbox.consumer(END_SESSION)
def session_stale(payload: dict[str, Any], at: datetime) -> None:
    session = PaymentSession.objects.select_related("provider", "collection").get(pk=payload["session"])
    end_session(session=session, at=at)


@outbox.consumer(PROMISED)
def payment_promised(payload: dict[str, Any], at: datetime) -> None:
    send_promise(Payment.objects.with_details().get(pk=payload["payment"]))


@outbox.consumer(RECEIPT)
def payment_captured(payload: dict[str, Any], at: datetime) -> None:
    send_receipt(Payment.objects.with_details().select_related("receipt").get(pk=payload["payment"]))


@outbox.consumer(REJECTED)
def payment_rejected(payload: dict[str, Any], at: datetime) -> None:
    send_rejection(Payment.objects.with_details().get(pk=payload["payment"]))


@outbox.consumer(REFUNDED)
def payment_refunded(payload: dict[str, Any], at: datetime) -> None:
    send_refund(Refund.objects.with_details().get(pk=payload["refund"]))


@outbox.consumer(UNDONE)
def recording_undone(payload: dict[str, Any], at: datetime) -> None:
    send_undone(Refund.objects.with_details().get(pk=payload["refund"]))


SCHEDULES = (
    ("deliver the outbox", "core.outbox.drain_now", 1),
    ("reconcile payments", "payments.tasks.reconcile_now", 1),
    ("check invariants", "payments.tasks.check_invariants_now", 60),
    ("compare with the providers", "payments.tasks.compare_now", 24 * 60),
    ("send reminders", "payments.tasks.remind_now", 24 * 60),
    ("make recurring invoices", "payments.tasks.recur_now", 60),
    ("remove old exports", "accounts.tasks.remove_old_exports_now", 60),
)


def set_up(**migrated: Any) -> None:
    """After every migration: the ways to pay, and the worker's schedules (minutes between two runs)."""
    operations.install_providers()
    for name, function, minutes in SCHEDULES:
        Schedule.objects.update_or_create(
            name=name, defaults={"func": function, "schedule_type": Schedule.MINUTES, "minutes": minutes}
        )


def reconcile_now() -> str:
    """Every minute."""
    return str(operations.reconcile(at=timezone.now()))


def compare_now() -> str:
    """Every day."""
    made = operations.compare(at=timezone.now())
    return "; ".join(f"{one.provider}: {one.compared} compared, {one.differing} differing" for one in made)


def remind_now() -> str:
    """Every day, where the organization wants it."""
    if not Organization.objects.filter(send_reminders_automatically=True).exists():
        return "reminders are sent by hand"
    return _ended(invoices.run_reminders(at=timezone.now()))


def recur_now() -> str:
    """Every hour, so that a day's invoices are made soon after it begins, wherever the organization is."""
    return _ended(invoices.make_recurring_invoices(at=timezone.now()))


def _ended(done: Made | Run) -> str:
    """A round goes on after an error, and fails as a whole at its end."""
    if done.failed:
        raise RuntimeError(str(done))
    return str(done)


def check_invariants_now() -> str:
    """Every hour; a broken invariant fails the task and is logged."""
    broken = operations.broken_invariants(at=timezone.now())
    if broken:
        raise RuntimeError("; ".join(str(one) for one in broken))
    return "no invariant is broken"
