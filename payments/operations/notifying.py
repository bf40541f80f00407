"""Letters about invoices and payments, sent by the worker from the outbox, in the account's language.

The worker delivers a message until it succeeded once, so each letter is sent once; should it die between the
mail server's yes and our note of it, the second copy has the first one's Message-ID.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from accounts import operations as accounts
from accounts.models import Account, Membership, Organization, User
from accounts.operations.letters import Letter, Words
from core.audit import SYSTEM, record
from invoices import operations as invoices
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.documents.credit_labels import CREDIT_LABELS
from invoices.documents.labels import LABELS
from invoices.documents.transfer import in_fours, is_iban
from invoices.models import CreditNote, Invoice, InvoiceDocument, Reminder
from payments.models import Allocation, Payment, PaymentCollectionInvoice, Refund
from payments.operations.letter_words import WORDS

MAILED = "invoice.mailed"
BANK = ("legal_name", "bank_account_holder", "bank_name", "iban", "bic")
Facts = list[tuple[str, str]]


def send_invoice(invoice: Invoice, *, at: datetime, again: str = "") -> None:
    """An invoice was issued and its paper is made: what is to be paid until when, and how. To the account's
    address, else to its Admins; the trail says to whom. Of one that was cancelled since, nobody is told.
    `again` tells a letter that staff asked for from the first."""
    account, snapshot = invoice.account, invoice.snapshot or {}
    to = recipients_of(account)
    if not to or invoice.status == Invoice.Status.CANCELLED:
        return
    words = _words(account)
    number, amount = str(invoice.number), words.amount(invoice.total_amount, invoice.currency)
    told = {"number": number, "amount": amount, "date": words.day(invoice.due_date)}
    labels = LABELS[words.language]
    is_open = invoice.status == Invoice.Status.SENT
    bank = bank_facts(snapshot["seller"], labels, amount, number) if is_open else []
    letter = Letter(
        subject=words.say("invoice_subject", **told),
        lead=words.say("invoice_lead", **told),
        facts=[
            (labels["amount"], amount),
            (labels["invoice_number"], number),
            (labels["due_date"], told["date"]),
        ],
        notes=[*_note(), words.say("invoice_attached")],
        button=(words.say("invoice_button"), invoice_url(invoice)),
        heading=labels["bank_transfer"],
        more=bank,
        after=[words.say("quote")] if bank else [],
        why=words.say("invoice_why"),
    )
    paper = invoices.document_of(invoice, InvoiceDocument.Kind.PAY_NOW)
    accounts.write_letter(
        letter,
        words=words,
        to=to,
        account=account,
        key=letter_key("invoice", invoice) + again,
        pdf=(f"{number}.pdf", bytes(paper.content)),
    ).send()
    record(invoice, MAILED, at=at, by=SYSTEM, after={"to": to})


def _note() -> list[str]:
    """What the organization wants said in every mail that brings an invoice."""
    return list(filter(None, Organization.objects.values_list("mail_note", flat=True)))


def send_credit_note(note: CreditNote, *, at: datetime, again: str = "") -> None:
    """Something was taken off an invoice: how much, why, and what is kept for the next payment. To whom the
    invoice went; the trail says to whom. `again` as with an invoice."""
    account = note.account
    to = recipients_of(account)
    if not to:
        return
    words = accounts.words_for(ACCOUNT_LABELS, WORDS, CREDIT_LABELS, account=account)
    told = {"number": note.number, "amount": words.amount(note.total_amount, note.currency)}
    kept = [(words.say("credit_kept"), words.amount(one.amount, one.currency)) for one in note.credits.all()]
    letter = Letter(
        subject=words.say("credit_subject", **told),
        lead=words.say("credit_lead", amount=told["amount"], invoice=note.invoice.number),
        facts=[(words.say("credit_note_number"), note.number), (words.say("reason"), note.reason), *kept],
        notes=[words.say("credit_attached")],
        button=(words.say("invoice_button"), invoice_url(note.invoice)),
        why=words.say("invoice_why"),
    )
    paper = invoices.document_of_credit_note(note)
    pdf = (f"{note.number}.pdf", bytes(paper.content))
    key = letter_key("credit_note", note) + again
    accounts.write_letter(letter, words=words, to=to, account=account, key=key, pdf=pdf).send()
    record(note, "credit_note.mailed", at=at, by=SYSTEM, after={"to": to})


def send_promise(payment: Payment) -> None:
    """A bank transfer was announced: how much, and where to. Nothing once staff have decided on it."""
    if payment.status != Payment.Status.PENDING:
        return
    words, total = _told(payment)
    seller = {name: getattr(Organization.objects.get(), name) for name in BANK}
    labels = LABELS[words.language]
    bank = bank_facts(seller, labels, total, payment.reference)
    letter = Letter(
        subject=words.say("promise_subject", total=total),
        lead=words.say("promise_lead", total=total),
        facts=_covered(payment, words),
        notes=[words.say("promise_then")],
        button=_payment_button(payment, words, "payment_button"),
        heading=labels["bank_transfer"],
        more=bank or [(labels["reference"], payment.reference)],
        after=[words.say("quote")],
        why=words.say("promise_why"),
    )
    _send(letter, payment, words, key=letter_key("promise", payment))


def send_receipt(payment: Payment) -> None:
    """Money arrived: how much, on which invoices, and the number of the receipt. Nothing once its recording
    is undone."""
    if payment.undone:  # entered by mistake: nothing arrived
        return
    words, total = _told(payment)
    verified = payment.verified_at is not None and payment.session_id is not None
    paid = [item for item in payment.allocations.all() if item.amount > 0]
    facts = [*_receipt(payment, words), *_put_on(paid, words)]
    facts += [
        (words.say("credit"), words.amount(credit.amount, credit.currency))
        for credit in payment.credits.all()
    ]
    letter = Letter(
        subject=words.say("verified_subject", total=total) if verified else _subject(paid, words, total),
        lead=words.say("verified_lead" if verified else "receipt_lead", total=total),
        facts=[*facts, (words.say("reference"), payment.reference)],
        button=_payment_button(payment, words, "receipt_button"),
        why=words.say("paid_why"),
    )
    _send(letter, payment, words, key=letter_key("receipt", payment))


def send_rejection(payment: Payment) -> None:
    """A promise was rejected: why, and that it can be paid again."""
    words, total = _told(payment)
    covered = _rows(payment)
    letter = Letter(
        subject=words.say("rejection_subject", total=total),
        lead=words.say("rejection_lead", total=total),
        facts=[
            (words.say("reason"), payment.reason),
            *_covered(payment, words),
            (words.say("reference"), payment.reference),
        ],
        notes=[words.say("pay_again")],
        button=(words.say("invoice_button"), invoice_url(covered[0].invoice))
        if len(covered) == 1
        else _payment_button(payment, words, "payment_button"),
        why=words.say("promise_why"),
    )
    _send(letter, payment, words, key=letter_key("rejection", payment))


def send_refund(refund: Refund) -> None:
    """Money went back: how much, and what is open again."""
    payment = refund.payment
    words, _ = _told(payment)
    total = words.amount(refund.amount, refund.currency)
    letter = Letter(
        subject=words.say("refund_subject", total=total),
        lead=words.say("refund_lead", total=total, reference=payment.reference),
        facts=[
            (_named(item.invoice, words), words.say("open_again", amount=_back(item, words)))
            for item in refund.allocations.all()
        ],
        notes=[words.say("refund_way")],
        button=_payment_button(payment, words, "payment_button"),
        why=words.say("refund_why"),
    )
    _send(letter, payment, words, key=letter_key("refund", refund))


def send_undone(refund: Refund) -> None:
    """A recording was taken out of the books again: of which day, over how much, and what is open now."""
    payment = refund.payment
    words, total = _told(payment)
    day = payment.received_date
    letter = Letter(
        subject=words.say("undone_subject", total=total),
        lead=words.say("undone_lead", total=total, date=words.day(day) if day else ""),
        facts=[
            (
                _named(item.invoice, words),
                words.say("open_now", amount=words.amount(item.invoice.open_balance, item.currency)),
            )
            for item in refund.allocations.all()
        ],
        notes=[words.say("undone_note")],
        button=_payment_button(payment, words, "payment_button"),
        why=words.say("invoice_why"),
    )
    _send(letter, payment, words, key=letter_key("undone", refund))


def _send(letter: Letter, payment: Payment, words: Words, *, key: str) -> None:
    """To whoever paid, else to the account's address; to nobody where there is neither."""
    account = payment.account
    recipient = payment.payer.email if payment.payer else account.email if account else ""
    if recipient:
        accounts.write_letter(letter, words=words, to=[recipient], account=account, key=key).send()


def _words(account: Account | None) -> Words:
    return accounts.words_for(ACCOUNT_LABELS, WORDS, account=account)


def _told(payment: Payment) -> tuple[Words, str]:
    """The account's language, and the payment's amount in it."""
    words = _words(payment.account)
    return words, words.amount(payment.amount, payment.currency)


def recipients_of(account: Account) -> list[str]:
    """Who gets an account's papers: its own address, else its Admins."""
    if account.email:
        return [account.email]
    admins = User.objects.filter(
        is_active=True, memberships__account=account, memberships__role=Membership.Role.ADMIN
    )
    return list(admins.order_by("email").values_list("email", flat=True))


def letter_key(what: str, row: CreditNote | Invoice | Payment | Refund | Reminder) -> str:
    """Names a letter, also among those of an installation that was set up anew."""
    return f"{what}.{row.pk}.{row.created_at.timestamp():.0f}"


def _subject(paid: Sequence[Allocation], words: Words, total: str) -> str:
    if not paid:
        return words.say("receipt_subject", total=total)
    if len(paid) == 1:
        return words.say("receipt_subject_one", total=total, number=paid[0].invoice.number)
    return words.say("receipt_subject_many", total=total, count=len(paid))


def _receipt(payment: Payment, words: Words) -> Facts:
    receipt = getattr(payment, "receipt", None)
    if receipt is None:
        return []
    day = payment.received_date or Organization.objects.get().today(receipt.issued_at)
    return [(words.say("receipt_number"), receipt.number), (words.say("paid_on"), words.day(day))]


def _put_on(parts: Iterable[Allocation | PaymentCollectionInvoice], words: Words) -> Facts:
    return [(_named(one.invoice, words), words.amount(one.amount, one.invoice.currency)) for one in parts]


def _rows(payment: Payment) -> list[PaymentCollectionInvoice]:
    """The invoices that a promise is for."""
    if payment.session is None:
        return []
    return list(payment.session.collection.covered.select_related("invoice__account").order_by("pk"))


def _covered(payment: Payment, words: Words) -> Facts:
    return _put_on(_rows(payment), words)


def _named(invoice: Invoice, words: Words) -> str:
    return words.say("invoice", number=invoice.number)


def _back(item: Allocation, words: Words) -> str:
    return words.amount(-item.amount, item.currency)


def bank_facts(seller: Mapping[str, Any], labels: Mapping[str, str], amount: str, reference: str) -> Facts:
    """Where to transfer an amount to; nothing without a bank account. As on the paper."""
    if not seller["iban"]:
        return []
    known = is_iban(seller["iban"])
    facts = [
        (labels["account_holder"], seller["bank_account_holder"] or seller["legal_name"]),
        (labels["bank"], seller["bank_name"]),
        (
            "IBAN" if known else labels["account_number"],
            in_fours(seller["iban"]) if known else seller["iban"],
        ),
        ("BIC" if known else labels["bank_code"], seller["bic"]),
        (labels["amount"], amount),
        (labels["reference"], reference),
    ]
    return [(label, value) for label, value in facts if value]


def invoice_url(invoice: Invoice) -> str:
    return _url("invoice", invoice.account, invoice)


def _payment_button(payment: Payment, words: Words, says: str) -> tuple[str, str] | None:
    return (words.say(says), _url("payment", payment.account, payment)) if payment.account else None


def _url(name: str, account: Account, row: models.Model) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=[account.number, row.pk])}"
