"""The back office, generated from its live registry: every page of every model, and every page besides."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import ERROR, get_messages
from django.db.models import Model
from django.test import RequestFactory
from django.urls import get_resolver

from accounts.admin.base import BackOfficeAdmin
from accounts.models import Account, Invitation, Membership
from invoices.models import Invoice
from payments.models import Payment
from tests.back_office import list_of, page_of, refusal
from tests.matrix.asking import assert_as_declared, browser_of, difference, told, undone, writes
from tests.matrix.offices import AN_ACCOUNT, BACK_OFFICE, OUTSIDERS, SITE, Office, Question
from tests.matrix.table import STAFF
from tests.matrix.world import RANDOM_ID, World

pytestmark = pytest.mark.django_db
PAGES = ("changelist", "export", "add", "change", "delete", "history", "")


def live() -> dict[str, type[Model]]:
    return {model._meta.label_lower: model for model in admin.site._registry}


def addresses() -> tuple[set[str], dict[str, set[str]]]:
    """The names of the site's own pages, and of each model's."""
    site: Any
    (site,) = (one for one in get_resolver().url_patterns if getattr(one, "namespace", "") == "admin")
    own, of_models = set(), {}
    for one in site.url_patterns:
        if hasattr(one, "url_patterns"):
            app, model, *_ = str(one.pattern).split("/")
            before = f"{app}_{model}_"
            of_models[f"{app}.{model}"] = {
                (page.name or "").removeprefix(before) for page in one.url_patterns
            }
        else:
            own.add(one.name or "")
    return own, of_models


def row_of(world: World, model: type[Model]) -> Model:
    """A row to ask about: a customer's, a promise that awaits a decision, an invoice with its PDF."""
    if model is Invoice:
        return Invoice.objects.filter(documents__kind="plain").first()
    if model is Payment:
        return Payment.objects.to_verify().first()
    if model._meta.label_lower == "accounts.user":
        return world.users["admin"]
    if model is Membership:  # not of a company's last Admin
        return Membership.objects.filter(role=Membership.Role.SENIOR_BUYER).first()
    if model is Invitation:
        return Invitation.objects.open().first()
    row = model._default_manager.first()
    assert row is not None, f"tests/matrix/world.py makes no {model.__name__}"
    return row


def row_asked(model: type[Model], question: Question, row: Model) -> Model:
    """The row that a question is asked of: this one, or the first in the state that it is about."""
    wanted = question.where | ({"status": question.status} if question.status else {})
    if not wanted:
        return row
    found = model._default_manager.filter(**wanted).order_by("pk").first()
    assert found is not None, f"tests/matrix/world.py makes no {model.__name__} with {wanted}"
    return found


def word_of(response: Any) -> str:
    """An answer as a word."""
    location = response.headers.get("Location", "")
    if location.startswith(("/admin/login/", "/account/login/")):
        return "sign in"
    if response.status_code == 302 and location == "/admin/":
        return "gone"
    if response.status_code == 302:
        is_refused = any(one.level == ERROR for one in get_messages(response.wsgi_request))
        return "refused" if is_refused else "done"
    if response.status_code == 200 and response.streaming:
        return "done" if response.request["REQUEST_METHOD"] == "POST" else "shown"
    if response.status_code == 200 and b" data-done" in response.content:
        return "done"  # the rows that were chosen, with what became of each
    if response.status_code == 200:
        return "refused" if refusal(response) else "shown"
    return {403: "forbidden", 404: "not found", 405: "not allowed"}.get(
        response.status_code, str(response.status_code)
    )


Asked = tuple[str, str, str, dict[str, str], set[str]]


def asked(model: type[Model], office: Office, actor: str, row: Model) -> Iterator[Asked]:
    """Page, method, address, what is sent, and the words that the table allows for an answer."""
    views = actor in office.view
    list_page = list_of(model)
    seen = {"shown"} if views else {"forbidden"}
    yield "changelist", "GET", list_page, {}, seen
    yield "export", "GET", f"{list_page}export/", {}, seen
    yield "export", "POST", f"{list_page}export/", {"form": "csv"}, {"done"} if views else {"forbidden"}
    yield (
        "changelist",
        "POST",
        list_page,
        {"action": "delete_selected", "_selected_action": str(row.pk)},
        seen | {"done"} if views and office.many else seen,  # back to the list: there is no such action
    )
    for page, may, where in (
        ("add", actor in office.add, f"{list_page}add/"),
        ("delete", actor in office.delete, page_of(row, "delete")),
    ):
        yield page, "GET", where, {}, {"shown"} if may else {"forbidden"}
        yield page, "POST", where, {"post": "yes"}, {"shown", "done"} if may else {"forbidden"}
    changes = {"shown", "done"} if actor in office.change else {"forbidden"}
    yield "change", "GET", page_of(row), {}, seen
    yield "change", "POST", page_of(row), {}, changes
    yield (
        "history",
        "GET",
        page_of(row, "history"),
        {},
        {"done"},
    )  # leads to the trail, which has its own right
    yield "", "GET", f"{list_page}{row.pk}/", {}, {"done"}  # leads to the change page
    for page in office.files:
        yield page, "GET", page_of(row, page), {}, seen
    for page in office.leads:
        yield page, "GET", page_of(row, page), {}, {"done"} if views else {"forbidden"}
    for page, question in office.questions.items():
        may = actor in question.may
        word = "forbidden" if not views else question.comes if may else "refused"
        shown = "shown" if views and may else word
        asked_of = row_asked(model, question, row)
        yield page, "GET", page_of(asked_of, page), {}, {shown}
        number = Account.objects.order_by("pk").values_list("number", flat=True)[0]
        number = asked_of.number if isinstance(asked_of, Account) else number
        sent = {name: number if value == AN_ACCOUNT else value for name, value in question.sent.items()}
        yield page, "POST", page_of(asked_of, page), sent, {word}
    for page, question in (office.many | office.own).items():
        may = actor in question.may
        word = "forbidden" if not views else question.comes if may else "refused"
        number = Account.objects.order_by("pk").values_list("number", flat=True)[0]
        sent = {name: number if value == AN_ACCOUNT else value for name, value in question.sent.items()}
        if page in office.many:
            first = model._default_manager.order_by("pk")[0]
            sent["ids"] = str(row_asked(model, question, first).pk)
            handed_on = {"action": page, "_selected_action": sent["ids"]}
            yield page, "POST", list_page, handed_on, {"done"} if views else {"forbidden"}
        words = {"shown", "refused"} if page in office.many or not may else {"shown"}
        yield page, "GET", f"{list_page}{page}/", {}, words if views else {"forbidden"}
        yield page, "POST", f"{list_page}{page}/", sent, {word}


def violations(world: World, label: str) -> dict[str, str]:
    """What the pages of a model answer otherwise than the table says."""
    model, office, found = live()[label], BACK_OFFICE[label], {}
    row = row_of(world, model)

    def ask(actor: str, method: str, address: str, sent: dict[str, str]) -> Any:
        client = browser_of(world, actor)
        return client.post(address, sent) if method == "POST" else client.get(address)

    for actor in (*OUTSIDERS, *STAFF):
        for page, method, address, sent, words in asked(model, office, actor, row):
            if actor in OUTSIDERS and method == "GET" and page in ("changelist", "add", "change", "delete"):
                continue  # they are sent away from its POST
            declared = {"sign in"} if actor in OUTSIDERS else words
            with undone(), writes() as written:
                answer = ask(actor, method, address, sent)
            came = word_of(answer)
            if written and came != "done":
                came += f", but {written[0]}"
            if came not in declared:
                found[f"{method} {page or 'row'} {actor}"] = f"declared {sorted(declared)}, came {came!r}"
            if str(row.pk) not in address.split("/") or page in ("history", "") or actor in OUTSIDERS:
                continue
            nowhere = ask(actor, method, address.replace(f"/{row.pk}/", f"/{RANDOM_ID}/"), sent)
            if came != "forbidden":
                if word_of(nowhere) not in ("gone", "forbidden"):
                    found[f"{method} {page} {actor}, random"] = f"came {word_of(nowhere)!r}"
            elif (one := told(answer, {"pk": row.pk})) != (other := told(nowhere, {"pk": RANDOM_ID})):
                found[f"{method} {page} {actor}, is told from a random one"] = difference(one, other)
    return found


@pytest.mark.parametrize("label", BACK_OFFICE)
def test_the_pages_of_a_model_answer_everybody_as_declared(world, label):
    assert_as_declared(violations(world, label))


@pytest.mark.parametrize("name", SITE)
def test_a_page_of_the_site_answers_everybody_as_declared(world, name):
    page, found = SITE[name], {}
    for actor in (*OUTSIDERS, *STAFF):
        declared = page.otherwise.get(actor, "sign in" if actor in OUTSIDERS else page.answer)
        came = word_of(browser_of(world, actor).get(page.example))
        if came != declared:
            found[actor] = f"declared {declared!r}, came {came!r}"
    assert_as_declared(found)


def test_every_page_is_in_the_table():
    own, of_models = addresses()
    assert own == {*SITE}
    assert {*live()} == {*BACK_OFFICE}
    for label, office in BACK_OFFICE.items():
        assert of_models[label] == {
            *PAGES,
            *office.questions,
            *office.files,
            *office.leads,
            *office.many,
            *office.own,
        }, label


def test_no_list_has_other_actions_than_those_that_lead_to_a_page_that_asks(world):
    request = RequestFactory().get("/admin/")
    request.user = world.users["superuser"]
    actions = {label: admin.site._registry[model].get_actions(request) for label, model in live().items()}
    assert {label: {*found} for label, found in actions.items()} == {
        label: {*office.many} for label, office in BACK_OFFICE.items()
    }


@pytest.mark.control
def test_with_rows_to_delete_the_matrix_fails(world, monkeypatch):
    """The negative control: money can be deleted by who has the permission."""
    monkeypatch.delattr(BackOfficeAdmin, "has_delete_permission")
    found = violations(world, "payments.accountcredit")
    assert {"POST delete superuser", "POST delete every permission"} <= {*found}


@pytest.mark.control
def test_without_the_permission_of_a_question_the_matrix_fails(world, monkeypatch):
    monkeypatch.setattr("payments.operations.verifying.PERMISSION", "payments.view_payment")
    monkeypatch.setattr("accounts.models.User.has_perm", lambda user, permission, obj=None: user.is_staff)
    found = violations(world, "payments.payment")
    assert {"GET changelist staff", "POST verify staff"} <= {*found}
