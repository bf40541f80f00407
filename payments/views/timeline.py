"""What happened to an invoice, newest first, in sentences."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.templatetags.wording import plain_money
from core.audit import AuditEntry
from invoices.models import Invoice
from payments.models import Allocation, Payment, PaymentSession, Refund
from payments.operations.notifying import MAILED
from payments.operations.reminding import REMINDER_MAILED
from payments.views.wording import method_words

WHY = {
    "insufficient_funds": gettext_lazy("not enough funds"),
    "expired_card": gettext_lazy("the card has expired"),
    "incorrect_cvc": gettext_lazy("wrong security code"),
    "limit_exceeded": gettext_lazy("the card's limit is reached"),
    "not_supported": gettext_lazy("the card cannot be used for this payment"),
    "authentication_failure": gettext_lazy("the bank could not confirm the payer"),
}
WENT_BACK: dict[str, Any] = {
    Refund.Kind.REFUND: gettext_lazy("%(amount)s sent back"),
    Refund.Kind.CHARGEBACK: gettext_lazy("%(amount)s taken back by the payer's bank"),
    Refund.Kind.REVERSAL: gettext_lazy("%(amount)s was entered by mistake, and is taken out"),
}


class Happening(NamedTuple):
    at: datetime
    text: str


def happenings(
    invoice: Invoice, payments: Sequence[Payment], sessions: QuerySet[PaymentSession]
) -> list[Happening]:
    """From the audit trail and the payments of an invoice, and the attempts of those `sessions` that the
    reader may see. Needs payments `with_details()` and `with_refunds()`."""
    corrections = [*_corrections(invoice)]
    found = [*_invoice(invoice, is_corrected=bool(corrections)), *corrections]
    found += [*_declines(invoice, sessions), *_credits(invoice)]
    for payment in payments:
        found += _payment(payment)
    return sorted(found, key=lambda one: one.at, reverse=True)


def _invoice(invoice: Invoice, *, is_corrected: bool) -> Iterator[Happening]:
    entries = list(AuditEntry.objects.filter(object_kind="invoices.invoice", object_id=invoice.pk))
    emails = {entry.actor_label for entry in entries if entry.action == "invoice.viewed"}
    names = {user.email: str(user) for user in User.objects.filter(email__in=emails)}
    for entry in entries:
        if entry.action == "invoice.sent":
            reopened = entry.before.get("status") == Invoice.Status.PAID
            yield Happening(entry.at, _("Open again: a payment was taken back") if reopened else _("Issued"))
        elif entry.action == MAILED:
            yield Happening(entry.at, _("Sent to %(address)s") % {"address": ", ".join(entry.after["to"])})
        elif entry.action == REMINDER_MAILED:
            addresses = ", ".join(entry.after["to"])
            yield Happening(entry.at, _("Reminder sent to %(address)s") % {"address": addresses})
        elif entry.action == "invoice.viewed":
            name = names.get(entry.actor_label, entry.actor_label)
            yield Happening(entry.at, _("First viewed by %(name)s") % {"name": name})
        elif entry.action == "invoice.paid":
            yield Happening(entry.at, _("Nothing is open any more") if is_corrected else _("Paid in full"))
        elif entry.action == "invoice.cancelled":
            yield Happening(entry.at, _("Cancelled"))


def _credits(invoice: Invoice) -> Iterator[Happening]:
    """Account credit that was put on it, by the moment: several credits may have been used at once."""
    used = Allocation.objects.filter(invoice=invoice, credit__isnull=False, amount__gt=0).order_by()
    for row in used.values("created_at").annotate(sum=Sum("amount")):
        amount = plain_money(row["sum"], invoice.currency)
        yield Happening(row["created_at"], _("Account credit of %(amount)s used") % {"amount": amount})


def _corrections(invoice: Invoice) -> Iterator[Happening]:
    """Credit notes on it, and what was written off."""
    for note in invoice.credit_notes.all():
        words = {"number": note.number, "amount": plain_money(note.total_amount, note.currency)}
        yield Happening(note.created_at, _("Credit note %(number)s over %(amount)s") % words)
    for row in invoice.write_offs.all():
        words = {"amount": plain_money(row.amount, row.currency)}
        yield Happening(row.created_at, _("%(amount)s written off") % words)
        if row.undone_at:
            yield Happening(row.undone_at, _("Write-off of %(amount)s undone") % words)


def _declines(invoice: Invoice, sessions: QuerySet[PaymentSession]) -> Iterator[Happening]:
    on_it = sessions.filter(collection__covered__invoice=invoice)
    tried = {session.pk: session for session in on_it.select_related("provider")}
    entries = AuditEntry.objects.filter(
        object_kind="payments.paymentsession", object_id__in=tried, action="paymentsession.initiated"
    )
    for entry in entries:
        reason = entry.after.get("decline_reason")
        if not reason:
            continue
        session = tried[entry.object_id]
        amount = plain_money(session.amount, session.currency)
        is_card = session.provider.code == "pp_stripe_stripe"
        text = (
            _("Card payment of %(amount)s declined")
            if is_card
            else _("%(method)s payment of %(amount)s declined")
        )
        text %= {"amount": amount, "method": session.provider.name}
        yield Happening(entry.at, f"{text}: {WHY[reason]}" if reason in WHY else text)


def _payment(payment: Payment) -> Iterator[Happening]:
    words = {"amount": plain_money(payment.amount, payment.currency), "method": method_words(payment)}
    if payment.method == "bank_transfer":
        announced = _("Bank transfer of %(amount)s announced, awaiting verification") % words
        yield Happening(payment.created_at, announced)
        if payment.verified_at:
            yield Happening(payment.verified_at, _("Bank transfer verified"))
        if payment.rejected_at:
            rejected = _("Bank transfer rejected: %(reason)s") % {"reason": payment.reason}
            yield Happening(payment.rejected_at, rejected)
    elif payment.captured_at:
        yield Happening(payment.captured_at, _("%(amount)s paid by %(method)s") % words)
    for refund in payment.refunds.all():
        if refund.status == Refund.Status.DONE and refund.ended_at:
            amount = plain_money(refund.amount, refund.currency)
            yield Happening(refund.ended_at, str(WENT_BACK[refund.kind]) % {"amount": amount})
