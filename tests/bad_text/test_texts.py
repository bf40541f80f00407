"""The looking through itself: it finds what is alive, and lets text be."""

import html

import pytest
from django.http import HttpResponse
from django.template import Context, Template

from tests.bad_text.texts import ATTRIBUTE, CLOSING, EXPRESSION, LIVE, MARKUP, STYLE, TEMPLATE, harm

PLACES = ("<p>{}</p>", '<a title="{}">x</a>', "<textarea>{}</textarea>", "<title>{}</title>", "<td>{}")


@pytest.mark.parametrize("text", LIVE)
@pytest.mark.parametrize("place", PLACES)
def test_escaped_text_is_no_harm(place, text):
    assert harm(HttpResponse(place.format(html.escape(text)))) == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("<p>{}</p>", MARKUP),
        ('<a title="{}">x</a>', MARKUP),
        ("<a title='{}'>x</a>", ATTRIBUTE),
        ("<textarea>{}</textarea>", CLOSING),
        ("<script>let x = '{}'</script>", CLOSING),
        ("<script>let x = '{}'</script>", EXPRESSION),
        ("<style>{}</style>", STYLE),
        ('<p x-data="{{name: {}}}">', html.escape(EXPRESSION)),
        ('<a href="{}">', "javascript:pwned()"),
        ('<p style="{}">', "background:url(//pwned.example)"),
    ],
)
def test_what_is_alive_is_found(place, text):
    assert harm(HttpResponse(place.format(text))) != []


def test_a_template_that_was_run_is_found():
    page = Template(TEMPLATE.partition("{%")[0]).render(Context())
    assert harm(HttpResponse(page)) == ["a template was run"]


def test_a_bug_is_found():
    assert harm(HttpResponse("", status=500)) == ["500"]
