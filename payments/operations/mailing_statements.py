"""A statement of account by mail: asked for by staff, drawn and sent by the worker."""

from datetime import date, datetime

from django.conf import settings
from django.urls import reverse

from accounts import operations as accounts
from accounts.models import Account, User
from accounts.operations.letters import Letter
from core.audit import SYSTEM, record
from core.errors import Conflict, Invalid
from core.outbox import REGRET, enqueue
from invoices.documents.account_labels import ACCOUNT_LABELS
from payments.operations.documenting import MOST_ENTRIES, statement_document
from payments.operations.notifying import recipients_of
from payments.operations.statement_words import STATEMENT_WORDS
from payments.operations.stating import Statement, statement_of

PERMISSION = "invoices.issue_invoice"
STATEMENT_ASKED, STATEMENT_MAILED = "account.statement_asked", "account.statement_mailed"
NOBODY = "Nobody to write to: the account has no e-mail address and no Admin"


def statement_mailable(*, account: Account, staff: User) -> list[str]:
    """To whom a statement would go. Refuses staff without the permission, and an account that nobody reads
    mails of."""
    accounts.acting(staff, PERMISSION)
    to = recipients_of(account)
    if not to:
        raise Conflict(NOBODY)
    return to


def send_statement(*, account: Account, first: date, last: date, at: datetime, staff: User) -> Statement:
    """Send the statement between two days, both included, as a PDF. Refuses what `statement_of` and
    `statement_mailable` refuse, and more lines than a PDF holds. It leaves in half a minute."""
    to = statement_mailable(account=account, staff=staff)
    made = statement_of(account, first=first, last=last)
    if len(made.entries) > MOST_ENTRIES:
        raise Invalid(f"A PDF holds at most {MOST_ENTRIES:,} lines. Choose fewer days", field="first")
    told = {"first": first.isoformat(), "last": last.isoformat()}
    with accounts.locked_account(account.pk) as current:
        key = f"statement.{account.pk}.{first}.{last}.{at.timestamp():.0f}"
        enqueue(STATEMENT_ASKED, {"account": account.pk, "key": key, **told}, at=at, delay=REGRET)
        record(current, STATEMENT_ASKED, at=at, by=staff.actor, after=told | {"to": to})
    return made


def mail_statement(*, account: Account, first: date, last: date, key: str, at: datetime) -> None:
    """Draw it and send it; the trail says to whom. `key` names the letter."""
    to = recipients_of(account)
    if not to:
        return
    made = statement_of(account, first=first, last=last)
    words = accounts.words_for(ACCOUNT_LABELS, STATEMENT_WORDS, account=account)
    told = {"first": words.day(first), "last": words.day(last)}
    amounts = (
        ("statement_opening", made.opening),
        ("statement_charged", made.charged),
        ("statement_paid", made.paid),
        ("statement_closing", made.closing),
    )
    path = reverse("statement", args=[account.number])
    letter = Letter(
        subject=words.say("statement_subject", **told),
        lead=words.say("statement_lead", **told),
        facts=[(words.say(key), words.amount(minor, account.currency)) for key, minor in amounts],
        button=(words.say("statement_button"), f"{settings.SITE_URL}{path}?from={first}&to={last}"),
        why=words.say("statement_why"),
    )
    name = f"statement-{account.number}-{first}-{last}.pdf"
    pdf = (name, statement_document(made, at=at))
    accounts.write_letter(letter, words=words, to=to, account=account, key=key, pdf=pdf).send()
    after = {"first": first.isoformat(), "last": last.isoformat(), "to": to}
    record(account, STATEMENT_MAILED, at=at, by=SYSTEM, after=after)
