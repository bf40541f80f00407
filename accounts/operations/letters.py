"""Letters: every e-mail to a customer is made here, in HTML and in text that say the same.

A letter is written in one language. Whoever sends one says what stands in it; how it looks, who sent it and
that no real money moves is the same in all of them. Names are somebody else's text: they stay on one line and
cannot turn the direction of what follows.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from email.utils import parseaddr

from babel.core import Locale
from babel.dates import format_date
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import Account, Organization, User
from accounts.operations.letter_words import WORDS
from core.money import DEFAULT_LOCALE, format_minor

ENGLISH_DATE = "d MMMM y"  # the day stands first in English too, as on the pages
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
PLACE = re.compile(r"\{[a-z_]+\}")
BREAKABLE = re.compile(r"[^\S\xa0\u202f]+")  # amounts stay together
ISOLATED = "\N{FIRST STRONG ISOLATE}%s\N{POP DIRECTIONAL ISOLATE}"
PDF = "application/pdf"

Facts = Sequence[tuple[str, str]]
Table = Mapping[str, Mapping[str, str]]


class Words:
    """The words and formats of a locale such as `de_AT`, or of English when its language has no table."""

    def __init__(self, locale: str, *tables: Table) -> None:
        self.locale = locale if Locale.parse(locale).language in WORDS else "en"
        babel = Locale.parse(self.locale)
        self.language, self.direction = babel.language, babel.text_direction
        self._words = {key: word for table in (WORDS, *tables) for key, word in table[self.language].items()}

    @property
    def tag(self) -> str:
        """The language as HTML names it: `de-AT`."""
        return self.locale.replace("_", "-")

    def say(self, key: str, **values: object) -> str:
        """A sentence with its places filled in."""
        return self.fill(self._words[key], **values)

    def fill(self, text: str, **values: object) -> str:
        """Somebody's own text with its places filled in: `{number}`. What is no place of these stays as it
        was written, whatever it is."""
        safe = {f"{{{name}}}": self._safe(value) for name, value in values.items()}
        return PLACE.sub(lambda found: safe.get(found[0], found[0]), text)

    def amount(self, minor: int, currency: str) -> str:
        """`$39.40`."""
        return format_minor(minor, currency, self.locale)

    def day(self, day: date) -> str:
        """`3 October 2025`."""
        form = ENGLISH_DATE if self.language == "en" else "long"
        return format_date(day, form, locale=self.locale)

    def _safe(self, value: object) -> str:
        text = BREAKABLE.sub(" ", TURNING.sub("", str(value))).strip()
        return ISOLATED % text if self.direction == "rtl" else text


@dataclass(frozen=True)
class Letter:
    """What a letter says, in the order in which it is read. `lead` is also what a list of mails shows of it;
    `button` is what it says and where it leads."""

    subject: str
    lead: str
    why: str
    facts: Facts = ()
    notes: Sequence[str] = ()
    button: tuple[str, str] | None = None
    heading: str = ""
    more: Facts = ()
    after: Sequence[str] = ()


def words_for(*tables: Table, user: User | None = None, account: Account | None = None) -> Words:
    """An account's language; of a person's own letters theirs, else their account's. Where there is neither,
    the organization's. `tables` are the words of the app that writes, beside those of all letters."""
    place = account or (user and Account.objects.filter(members=user).order_by("number").first())
    organization = Organization.objects.first()
    chosen = (user.locale if user else "", place.locale if place else "", getattr(organization, "locale", ""))
    return Words(next(filter(None, chosen), DEFAULT_LOCALE), *tables)


def write_letter(
    letter: Letter,
    *,
    words: Words,
    to: Sequence[str],
    account: Account | None = None,
    key: str = "",
    pdf: tuple[str, bytes] | None = None,
) -> EmailMultiAlternatives:
    """The e-mail, ready to be sent. `key` names its cause: should the worker die after a mail server took it
    and send it again, both have one Message-ID, by which mail programs show it once. `pdf` is a file's name
    and content."""
    organization = Organization.objects.first()
    sender = organization.mail_sender if organization else settings.DEFAULT_FROM_EMAIL
    footer = [organization.legal_name] if organization else []
    if account:
        footer.append(words.say("account", number=account.number, company=account.company_name))
    footer.append(letter.why)
    subject = " ".join(letter.subject.splitlines())
    test_mode = words.say("test_mode") if settings.PAYMENTS == "sandbox" else ""
    mail = EmailMultiAlternatives(
        subject=subject,
        body=_text(letter, words, test_mode=test_mode, footer=footer),
        from_email=sender,
        to=list(to),
        headers={"Message-ID": f"<{key}@{parseaddr(sender)[1].rpartition('@')[2]}>"} if key else {},
    )
    context = {
        "letter": letter,
        "subject": subject,
        "words": words,
        "start": "right" if words.direction == "rtl" else "left",
        "test_mode": test_mode,
        "footer": footer,
    }
    mail.attach_alternative(render_to_string("mail/letter.html", context), "text/html")
    if pdf:
        mail.attach(*pdf, PDF)
    return mail


def _text(letter: Letter, words: Words, *, test_mode: str, footer: Sequence[str]) -> str:
    """The same without looks: blocks with an empty line between them."""
    blocks = [letter.lead, _lines(letter.facts, words), *letter.notes]
    if letter.button:
        blocks.append("{}:\n{}".format(*letter.button))
    if letter.more:
        blocks.append(f"{letter.heading}\n{_lines(letter.more, words)}")
    blocks += [*letter.after, test_mode, "\n".join(footer)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _lines(facts: Facts, words: Words) -> str:
    return "\n".join(f"{label}{words.say('colon')}{value}" for label, value in facts)


def write_invitation(
    *, inviter: str, company: str, url: str, days: int, to: str, words: Words
) -> EmailMultiAlternatives:
    """Somebody invites a person to their company. The link works for so many days."""
    letter = Letter(
        subject=words.say("invitation_subject", inviter=inviter, company=company),
        lead=words.say("invitation_lead", inviter=inviter, company=company),
        notes=[words.say("invitation_days", days=days)],
        button=(words.say("invitation_button"), url),
        after=[words.say("invitation_unknown", inviter=inviter)],
        why=words.say("invitation_why", inviter=inviter, company=company),
    )
    return write_letter(letter, words=words, to=[to])
