"""The letter of a reminder: in the account's language, in the merchant's own words where a text is kept."""

from datetime import datetime

from accounts import operations as accounts
from accounts.operations.letters import Letter, Words
from core.audit import SYSTEM, record
from core.errors import Conflict
from invoices import operations as invoices
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.documents.labels import LABELS
from invoices.models import Invoice, InvoiceDocument, Reminder
from payments.operations.letter_words import WORDS
from payments.operations.notifying import bank_facts, invoice_url, letter_key, recipients_of
from payments.operations.reminder_words import REMINDER_WORDS

REMINDER_MAILED = "invoice.reminded"


def reminder_letter(invoice: Invoice, reminder: Reminder) -> tuple[Letter, Words]:
    """What a reminder says. Works before it is written too, for a preview."""
    account = invoice.account
    words = accounts.words_for(ACCOUNT_LABELS, WORDS, REMINDER_WORDS, account=account)
    labels = LABELS[words.language]
    amount = words.amount(reminder.open_amount, invoice.currency)
    due = words.day(invoice.due_date)
    told = {
        "number": invoice.number,
        "amount": amount,
        "due_date": due,
        "days": reminder.days_overdue,
    }
    own = next((one for one in reminder.level.texts.all() if one.language == words.language), None)
    said = words.fill(own.text, **told) if own else words.say("reminder_text", **told)
    lead, *notes = [part.strip() for part in said.replace("\r\n", "\n").split("\n\n") if part.strip()]
    facts = [
        (labels["invoice_number"], str(invoice.number)),
        (words.say("reminder_open"), amount),
        (labels["due_date"], due),
    ]
    if reminder.days_overdue:
        facts.append((words.say("reminder_days"), str(reminder.days_overdue)))
    if reminder.fee_line:
        fee = words.amount(reminder.fee_line.amount, reminder.fee_line.currency)
        facts.append((words.say("reminder_fee"), fee))
        notes.append(words.say("reminder_fee_billed"))
    bank = bank_facts((invoice.snapshot or {})["seller"], labels, amount, str(invoice.number))
    letter = Letter(
        subject=words.fill(own.subject, **told) if own else words.say("reminder_subject", **told),
        lead=lead,
        facts=facts,
        notes=[*notes, words.say("reminder_crossed")],
        button=(words.say("invoice_button"), invoice_url(invoice)),
        heading=labels["bank_transfer"],
        more=bank,
        after=[words.say("quote")] if bank else [],
        why=words.say("invoice_why"),
    )
    return letter, words


def send_reminder_letter(reminder: Reminder, *, at: datetime) -> None:
    """Send it where invoices are sent, with the PDF when that is made. The trail says to whom."""
    invoice = reminder.invoice
    to = recipients_of(invoice.account)
    if not to:
        return
    letter, words = reminder_letter(invoice, reminder)
    try:
        paper = invoices.document_of(invoice, InvoiceDocument.Kind.PAY_NOW)
        pdf = (f"{invoice.number}.pdf", bytes(paper.content))
    except Conflict:  # the worker has not made it
        pdf = None
    key = letter_key("reminder", reminder)
    accounts.write_letter(letter, words=words, to=to, account=invoice.account, key=key, pdf=pdf).send()
    told = {"to": to, "level": reminder.level.name}
    record(invoice, REMINDER_MAILED, at=at, by=SYSTEM, after=told)
