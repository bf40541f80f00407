"""How pages write amounts, dates and status words."""

from datetime import UTC, date, datetime

import pytest
from django.template import engines

from accounts.models import Organization

BERLIN = Organization(time_zone="Europe/Berlin")


def written(source: str, **context) -> str:
    return (
        engines["django"].from_string("{% load wording %}" + source).render({"merchant": BERLIN, **context})
    )


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (3940, "USD", "$39.40"),
        (-3940, "USD", "\N{MINUS SIGN}$39.40"),
        (124000000, "EUR", "€1,240,000.00"),
        (1182, "JPY", "¥1,182"),
        (3940, "KWD", "KWD 3.940"),
    ],
)
def test_money(minor, currency, text):
    assert written("{{ minor|plain_money:currency }}", minor=minor, currency=currency) == text
    bdi = written("{{ minor|money:currency }}", minor=minor, currency=currency)
    assert bdi.replace("\xa0", " ") == f'<bdi class="money">{text}</bdi>'


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("{% day value %}", '<time datetime="2025-10-03">3 Oct 2025</time>'),
        ("{% day value long=True %}", '<time datetime="2025-10-03">3 October 2025</time>'),
        (
            "{% moment value %}",
            '<time datetime="2025-10-03T00:30:00+02:00">3 October 2025, 00:30 CEST</time>',
        ),
    ],
)
def test_instants_are_told_in_the_organizations_zone(tag, text):
    assert written(tag, value=datetime(2025, 10, 2, 22, 30, tzinfo=UTC)) == text


def test_dates_have_no_zone():
    assert (
        written("{% day value %}", value=date(2025, 10, 3)) == '<time datetime="2025-10-03">3 Oct 2025</time>'
    )
    assert written("{% day value %}|{% moment value %}", value=None) == "|"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ('{% status "overdue" days=12 %}', '<span class="tag tag--danger">Overdue 12 days</span>'),
        ('{% status "overdue" days=1 %}', '<span class="tag tag--danger">Overdue 1 day</span>'),
        (
            '{% status "on_invoice" number="INV-2025-007" %}',
            '<span class="tag tag--info">On invoice INV-2025-007</span>',
        ),
        ('{% status "paid" %}', '<span class="tag tag--success">Paid</span>'),
        ('{% status "pending" %}', '<span class="tag tag--warning">Payment pending</span>'),
        ('{% status "partly_paid" %}', '<span class="tag">Partly paid</span>'),
    ],
)
def test_status_words(tag, text):
    assert written(tag) == text
