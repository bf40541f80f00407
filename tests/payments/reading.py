"""How tests read the pages: as somebody signed in, without JavaScript, as words in reading order."""

import re
from html import unescape
from uuid import uuid4

from django.test import Client

from core.audit import AuditEntry
from invoices.models import Invoice
from payments.models import Payment, PaymentCollection, PaymentSession, ProviderCall
from tests import factories

MONEY_ROWS = (Invoice, PaymentCollection, PaymentSession, Payment, ProviderCall, AuditEntry)
INLINE = "a|b|bdi|strong|span|small|time|em|code"


class Browser:
    """Somebody signed in."""

    def __init__(self, member):
        self.client = Client()
        user = getattr(member, "user", member)
        self.client.force_login(user, "django.contrib.auth.backends.ModelBackend")

    def get(self, address, **headers):
        return self.client.get(address, headers=headers)

    def ask(self, address):
        """As htmx asks."""
        return self.get(address, **{"HX-Request": "true"})

    def post(self, address, **fields):
        return self.client.post(address, fields)

    def text(self, address, status=200):
        """The words of a page; fails the test when it has another status."""
        answer = self.get(address)
        assert answer.status_code == status
        return text_of(answer)


def text_of(answer):
    """The words of the main part in reading order, without templates, scripts and closed dialogs."""
    html = re.sub(r"(?s)<(template|script|dialog|footer).*?</\1>", "", answer.content.decode())
    html = html[html.index("<main") :] if "<main" in html else html
    html = re.sub(rf"</?({INLINE})\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def title_of(answer):
    return unescape(re.search(r"(?s)<title>(.*?)</title>", answer.content.decode())[1])


def counts():
    """How many rows there are that a payment may write."""
    return {model: model.objects.count() for model in MONEY_ROWS}


def a_collection(invoice, provider=factories.MANUAL, **by):
    """The payment of an invoice, opened at a provider."""
    return factories.an_initiated_session(invoice, provider, **by).collection


def region_fields(account, *lines):
    """What the region page posts when these orders are ticked."""
    region = account.line_items.first().region
    return {"form_key": uuid4(), "region": region.pk, f"orders-{region.pk}": [line.pk for line in lines]}
