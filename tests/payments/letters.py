"""Letters as tests read them: delivered by a worker, in text and in HTML."""

import re
from html.parser import HTMLParser

from django.core import mail

from accounts.models import Account
from core.outbox import drain
from tests.factories import NOW

SITE = "https://shop.example"


def speaks(account: Account, locale: str, **changes) -> None:
    Account.objects.filter(pk=account.pk).update(locale=locale, **changes)
    account.refresh_from_db()


def delivered(at=NOW) -> list:
    """What a worker sends until nothing is left to do."""
    mail.outbox.clear()
    for _ in range(3):  # a delivery may cause another
        drain(at=at)
    return list(mail.outbox)


def the(sent: list, start: str):
    (one,) = [one for one in sent if one.subject.startswith(start)]
    return one


class Told(HTMLParser):
    """The words of a page in their order, with where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.skipping = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skipping = tag == "title"
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self.skipping = False

    def handle_data(self, data: str) -> None:
        if not self.skipping and data.strip():
            self.words.append(" ".join(data.split()))


def page_of(one) -> str:
    ((page, kind),) = one.alternatives
    assert kind == "text/html"
    return page


def told(one) -> Told:
    reader = Told()
    reader.feed(page_of(one))
    return reader


def assert_the_same(one) -> None:
    """HTML and text say the same, in the same order, and there is one button."""
    reader, at = told(one), 0
    text = " ".join(one.body.split())
    for words in reader.words:
        assert words in text[at:], words
        at = text.index(words, at) + len(words)
    assert [link for link in reader.links if link not in text] == []
    assert len(reader.links) == 1
    spoken = sum(len(word) for word in re.findall(r"\w+", " ".join([*reader.words, *reader.links])))
    assert spoken == sum(len(word) for word in re.findall(r"\w+", one.body))
