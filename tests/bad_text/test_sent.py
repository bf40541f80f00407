"""Text that somebody sends: in every input of every form, after every question mark, in headers, and in every
argument of the storefront. What the forms are is read from the pages.

`BAD_TEXT=all pytest tests/bad_text` sends every text to every input; else each input gets one, in turn.
"""

import json
import os
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from django.contrib import admin

from tests.back_office import list_of, page_of
from tests.bad_text.texts import ADDRESS, HEADER, LONG, NUL, NUMBERS, SENT, SURROGATE, WORST, harm, read
from tests.matrix.asking import browser_of, undone
from tests.matrix.offices import BACK_OFFICE
from tests.matrix.table import STOREFRONT
from tests.matrix.test_back_office import row_asked, row_of
from tests.matrix.test_storefront import document, live

pytestmark = pytest.mark.django_db
WHOLE = os.environ.get("BAD_TEXT") == "all"
KEPT = ("csrfmiddlewaretoken",)
PAGES = {
    "nobody": ("/account/login/", "/account/password/reset/", "/admin/login/"),
    "admin": (
        "/account/{number}/",
        "/account/{number}/pay/",
        "/account/{number}/pay/{collection}/",
        "/account/{number}/invoices/{invoice}/pay/",
        "/account/tokens/",
        "/account/tokens/{token}/revoke/",
    ),
}
ASKED = (
    "next",
    "choose",
    "select",
    "paid",
    "promised",
    "seen",
    "session",
    "token",
    "payment_intent",
    "chosen",
    "x",
)
HEADERS = ("Referer", "HX-Current-URL", "X-Request-Id", "Accept-Language", "User-Agent", "X-Forwarded-For")


def texts() -> Iterator[tuple[str, ...]]:
    """What the next input gets: all texts, or the next of them."""
    for text in cycle(SENT):
        yield SENT if WHOLE else (text,)


TURN = texts()


def as_sent(text: str) -> str:
    """A browser cannot send half a character, but bytes that look like one."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def filled(browser: Any, address: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The forms of a page: where each is sent, and what it holds."""
    page = browser.get(address)
    assert page.status_code == 200, address
    for action, fields in read(page.content.decode()).forms:
        if "logout" not in action:
            yield action or address, fields


def harmed(browser: Any, address: str) -> dict[str, list[str]]:
    """What came of a text in each input of a page's forms, the others as they were; and of one in all."""
    found: dict[str, list[str]] = {}
    for action, fields in filled(browser, address):
        names = [name for name in fields if name not in KEPT]
        tries = [({name: as_sent(text)}, name) for name in names for text in next(TURN)]
        tries += [(dict.fromkeys(names, as_sent(text)), "all") for text in next(TURN)]
        for changed, name in tries:
            with undone():
                answer = browser.post(action, fields | changed)
                came = harm(answer)
                if answer.status_code in (302, 303) and answer["Location"].startswith("/"):
                    came += harm(browser.get(answer["Location"]))
            if came or answer.status_code in (301, 405):
                found[f"{action} {name} {next(iter(changed.values()), '')[:30]!r}"] = came or ["was not sent"]
    return found


@pytest.mark.parametrize(
    ("actor", "address"), [(who, page) for who, pages in PAGES.items() for page in pages]
)
def test_in_the_forms_of_pages(world, sandbox, actor, address):
    ids = {kind: world.own("admin", kind) for kind in ("number", "collection", "invoice", "token")}
    assert harmed(browser_of(world, actor), address.format(**ids)) == {}


@pytest.mark.parametrize(
    "label", [label for label, one in BACK_OFFICE.items() if one.change or one.questions]
)
def test_in_the_forms_of_the_back_office(world, label):
    model = next(one for one in admin.site._registry if one._meta.label_lower == label)
    office = BACK_OFFICE[label]
    row = row_of(world, model)
    addresses = [page_of(row_asked(model, asked, row), page) for page, asked in office.questions.items()]
    addresses += [page_of(row)] if office.change else []
    addresses += [f"{list_of(model)}add/"] if "superuser" in office.add else []
    browser = browser_of(world, "superuser")
    assert {page: found for page in addresses if (found := harmed(browser, page))} == {}


def test_forms_are_found(world):
    """Or nothing would be sent anywhere."""
    browser = browser_of(world, "superuser")
    (found,) = (fields for _, fields in filled(browser, "/admin/accounts/region/add/"))
    assert {"name", "currency", "countries"} <= {*found}
    (found,) = (fields for _, fields in filled(browser_of(world, "nobody"), "/account/login/"))
    assert {"login", "password"} <= {*found}


@pytest.mark.parametrize("user", ["abc", "-1", "1.5", "9" * 400, "½"])
def test_a_row_that_is_no_row_is_the_field_s_error(world, user):
    answer = browser_of(world, "superuser").post("/admin/accounts/membership/add/", {"user": user})
    assert (answer.status_code, harm(answer)) == (200, [])
    assert "Select a valid choice" in answer.content.decode()


def test_after_the_question_mark(world):
    browser, found = browser_of(world, "admin"), {}
    ids = {kind: world.own("admin", kind) for kind in ("number", "collection", "invoice", "token")}
    for page in (*PAGES["admin"], "/account/{number}/pay/{collection}/state/", "/account/login/"):
        for name in ASKED:
            for text in next(TURN):
                with undone():
                    answer = browser.get(page.format(**ids), {name: as_sent(text)})
                found[f"{page} {name} {text[:30]!r}"] = harm(answer)
    assert {place: came for place, came in found.items() if came} == {}


def name_of(wanted: Any) -> str:
    """The word of a filter in the address."""
    if isinstance(wanted, str):
        return wanted
    return wanted[0] if isinstance(wanted, tuple) else wanted.parameter_name


@pytest.mark.parametrize("label", BACK_OFFICE)
def test_in_the_lists_of_the_back_office(world, label):
    model = next(one for one in admin.site._registry if one._meta.label_lower == label)
    filters = [name_of(one) for one in admin.site._registry[model].list_filter]
    names = ["q", "p", "o", "show", "_to_field", "_changelist_filters", "id__regex", *filters]
    browser, found = browser_of(world, "superuser"), {}
    for name in names:
        for text in next(TURN):
            found[f"{name} {text[:30]!r}"] = harm(browser.get(list_of(model), {name: as_sent(text)}))
    assert {place: came for place, came in found.items() if came} == {}


def test_a_filter_may_be_a_number_that_no_row_can_have(world):
    answer = browser_of(world, "superuser").get("/admin/orders/order/", {"region": 2**63}, follow=True)
    assert (answer.status_code, harm(answer)) == (200, [])


def test_in_headers(world):
    browser, found = browser_of(world, "nobody"), {}
    for name in HEADERS:
        for text in SENT if WHOLE else (*WORST, HEADER, LONG, ADDRESS):
            value = as_sent(text)[:2000].encode().decode("latin-1").replace("\r", "").replace("\n", "")
            answer = browser.get("/account/", headers={name: value, "HX-Request": "true"})
            found[f"{name} {text[:30]!r}"] = harm(answer)
            assert "pwned" not in answer.headers.get("X-Request-Id", "")
            assert "//pwned" not in answer.headers.get("HX-Redirect", "")
    assert {place: came for place, came in found.items() if came} == {}


@pytest.mark.parametrize("name", STOREFRONT)
def test_in_the_storefront_s_arguments(world, client, name):
    """As a variable and as a literal; halves of characters arrive in JSON."""
    operation, found = STOREFRONT[name], {}
    arguments = live()[name][1].args
    lists = {one for one, argument in arguments.items() if "[" in str(argument.type)}
    own = {one: str(world.own("admin", kind)) for one, kind in operation.rows.items()} | operation.plain
    headers = {"Authorization": f"Bearer {world.tokens['admin']}"}
    for argument in arguments:
        for text in (*SENT, SURROGATE, 2**31, -(2**63), 10**400, 1e308, True, None, [], {}, [["a"]]):
            given = {one: [own[one]] if one in lists and one in operation.rows else own[one] for one in own}
            given[argument] = [text] if argument in lists else text
            body = json.dumps({"query": document(name), "variables": given})
            with undone():
                answer = client.post("/api/graphql", body, content_type="application/json", headers=headers)
            codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
            if answer.status_code not in (200, 400, 413) or "INTERNAL" in codes:
                found[f"{argument} {str(text)[:30]!r}"] = answer.content[:200]
    assert found == {}


@pytest.mark.parametrize("text", [*NUMBERS, NUL, LONG, SURROGATE])
def test_as_a_literal(world, client, text):
    headers = {"Authorization": f"Bearer {world.tokens['admin']}"}
    quoted = json.dumps(text, ensure_ascii=False)
    for query in (
        f"{{ getCustomerAccounts(limit: {text}) }}",
        f"{{ getCustomerAccounts(limit: {quoted}) }}",
        f"{{ activeInvoice(invoiceId: {quoted}) {{ id }} }}",
        f"{{ activeInvoice(invoiceId: {text}) {{ id }} }}",
    ):
        body = json.dumps({"query": query})
        answer = client.post("/api/graphql", body, content_type="application/json", headers=headers)
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
        assert answer.status_code in (200, 400, 413)
        assert codes <= {"VALIDATION_ERROR", "NOT_FOUND"}, query


@pytest.mark.control
def test_a_page_that_believes_what_is_sent_is_found(world, monkeypatch):
    """The negative control: the sign-in page without escaping."""
    monkeypatch.setattr("django.template.base.conditional_escape", lambda value: value)
    browser = browser_of(world, "nobody")
    ((action, fields),) = filled(browser, "/account/login/")
    answer = browser.post(action, fields | {"login": SENT[0], "password": "x"})
    assert harm(answer) != []
