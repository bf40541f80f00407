"""What log lines say, and never say."""

import io
import json
import logging

import pytest
from django.conf import settings
from django.test import Client
from django.urls import path

from invoicing_site import error_pages
from invoicing_site.logs import logging_settings, without_secrets
from invoicing_site.urls import urlpatterns as the_site
from tests.pages import LOGIN

QUERY = "payment_intent_client_secret=pi_3Q_secret_Xy9&token=5O19&redirect_status=succeeded"
KEY = "5-diceh6-0123456789abcdef0123456789abcdef"
RESET_LINK = f"/account/password/reset/key/{KEY}/"


def _break(request):
    raise ValueError(f"ctok_{'0' * 64} at {request.get_full_path()}")


urlpatterns = [path("break/", _break), *the_site]
handler403, handler404, handler500 = error_pages.forbidden, error_pages.not_found, error_pages.server_error


@pytest.fixture
def lines():
    """`lines()` are the lines that were written, as the site writes them."""
    options = dict(settings.LOGGING["formatters"]["line"])
    formatter = options.pop("()")(**options)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
class TestRequests:
    def test_an_address_that_is_not_there(self, client, account, lines):
        answer = client.get(f"/no/such/?{QUERY}")
        (line,) = lines()
        assert (line["event"], line["request"]) == ("Not Found: /no/such/", "GET /no/such/")
        assert line["request_id"] == answer["X-Request-Id"]
        assert "5O19" not in str(line)
        assert "Xy9" not in str(line)

    def test_each_line_has_the_id_of_its_own_request(self, client, account, lines):
        answers = [client.get("/no/such/"), client.get("/graphql"), client.get("/no/such/either/")]
        assert [line["request_id"] for line in lines()] == [answer["X-Request-Id"] for answer in answers]
        logging.getLogger("tests").warning("afterwards")
        assert "request_id" not in lines()[-1]

    @pytest.mark.parametrize("address", [RESET_LINK, f"{RESET_LINK}?{QUERY}"])
    def test_a_link_that_sets_a_password(self, account, lines, address):
        browser = Client(enforce_csrf_checks=True)
        answer = browser.post(address, {"password": "x"})
        assert answer.status_code == 403
        (line,) = lines()
        assert line["event"] == "Forbidden (CSRF cookie not set.): /account/password/reset/key/…/"
        assert line["request"] == "POST /account/password/reset/key/…/"
        assert line["request_id"] == answer["X-Request-Id"]
        assert "diceh6" not in str(line)

    @pytest.mark.urls(__name__)
    def test_a_bug(self, client, account, lines):
        client.raise_request_exception = False
        answer = client.get(f"/break/?{QUERY}")
        (line,) = lines()
        assert (line["event"], line["request_id"]) == (
            "Internal Server Error: /break/",
            answer["X-Request-Id"],
        )
        assert (
            "ValueError: ctok_… at /break/?payment_intent_client_secret=pi_3Q_secret_…&token=…"
            in (line["exception"])
        )
        assert "000000" not in str(line)
        assert "Xy9" not in str(line)

    def test_a_host_that_is_not_ours(self, client, account, lines):
        answer = client.get(f"{LOGIN}?{QUERY}", headers={"host": "evil.example"})
        line = lines()[-1]
        assert (answer.status_code, line["request"]) == (400, f"GET {LOGIN}")
        assert line["request_id"] == answer["X-Request-Id"]
        assert "Xy9" not in str(lines())


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("pi_3Q_secret_Xy9 was refused", "pi_3Q_secret_… was refused"),
        (f"token ctok_{'0a' * 32}.", "token ctok_…."),
        ("Authorization: Bearer abc-1.2", "Authorization: Bearer …"),
        ("key sk_live_51Hx and rk_test_51Hx", "key sk_live_… and rk_test_…"),
        ("signed with whsec_abc", "signed with whsec_…"),
        ("Authorization: Basic c2VjcmV0OnNlY3JldA==", "Authorization: Basic …"),
        ("Cookie: sessionid=abc123; csrftoken=def456; a=1", "Cookie: sessionid=…; csrftoken=…; a=1"),
        ("__Host-session=abc123, __Host-csrf=def456", "__Host-session=…, __Host-csrf=…"),
        ("card 4242 4242 4242 4242, 4000-0000-0000-0002", "card …, …"),
        ("378282246310005 and 6011111111111117 declined", "… and … declined"),
        (
            "order 1756876866 of 1756876866000 at 20250903052107",
            "order 1756876866 of 1756876866000 at 20250903052107",
        ),
        ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&issuer=y", "otpauth://totp/x?secret=…&issuer=y"),
        ("postgres://invoicing:hunter2@db/invoicing", "postgres://…@db/invoicing"),
        ("A21AAF0123456789abcdefghij of PayPal", "A21AA… of PayPal"),
        (
            f"Referer checking failed - https://a.example{RESET_LINK} does not match",
            "Referer checking failed - https://a.example/account/password/reset/key/…/ does not match",
        ),
        ('"GET /pay/return/?token=5O19&PayerID=1 HTTP/1.1"', '"GET /pay/return/?token=…&PayerID=1 HTTP/1.1"'),
        ("GET /account/invitation/0123abcd/?a=1", "GET /account/invitation/…/?a=1"),
        ("/account/login/?next=/account/invitation/0123abcd/", "/account/login/?next=/account/invitation/…/"),
        ("GET /files/.eJwd-_:1utf:sOw_-Y/invoices.csv HTTP", "GET /files/…/invoices.csv HTTP"),
        ("/account/password/reset/done/ INV-2025-001", "/account/password/reset/done/ INV-2025-001"),
    ],
)
def test_secrets_are_masked_wherever_they_stand(lines, said, kept):
    nested = {"list": [said, 1, None], said: {"set": {said}}}
    logging.getLogger("tests").error("%s", said, extra={"said": said, "nested": nested, "odd": [Odd(said)]})
    (line,) = lines()
    assert (line["event"], line["said"]) == (kept, kept)
    assert line["nested"] == {"list": [kept, 1, None], kept: {"set": [kept]}}
    assert line["odd"] == [f"<{kept}>"]


class Odd:
    """Something that JSON does not know."""

    def __init__(self, said):
        self.said = said

    def __repr__(self):
        return f"<{self.said}>"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "passwd",
        "new_password1",
        "Authorization",
        "HTTP_COOKIE",
        "Set-Cookie",
        "client_secret",
        "token",
        "api_key",
        "cvc",
        "card_number",
        "session_key",
    ],
)
def test_what_stands_under_a_secret_name_is_masked_whatever_it_is(lines, name):
    given = {name: "correct horse", "list": [{name: "correct horse"}], "kind": "correct horse"}
    logging.getLogger("tests").error("given", extra={"given": given})
    (line,) = lines()
    assert line["given"] == {name: "…", "list": [{name: "…"}], "kind": "correct horse"}


def test_a_readable_line_is_masked_too():
    """While DEBUG is on lines are for people to read; the request's id and the masks are the same."""
    options = dict(logging_settings(readable=True)["formatters"]["line"])
    formatter = options.pop("()")(**options)
    record = logging.LogRecord("tests", logging.ERROR, "x", 1, "key %s", ("sk_live_51Hx",), None)
    line = formatter.format(record)
    assert "key sk_live_…" in line
    assert "51Hx" not in line
    assert not line.startswith("{")


def test_without_its_last_processor_a_line_tells_everything():
    """The control: the masks come from nothing else."""
    options = dict(logging_settings(readable=False)["formatters"]["line"])
    processors = [one for one in options["processors"] if one is not without_secrets]
    formatter = options.pop("()")(**options | {"processors": processors})
    record = logging.LogRecord("tests", logging.ERROR, "x", 1, "key %s", ("sk_live_51Hx",), None)
    assert json.loads(formatter.format(record))["event"] == "key sk_live_51Hx"


@pytest.mark.django_db
class TestAWholeVisit:
    """What customers and staff send is in no line, whatever becomes of it."""

    def test_of_a_program(self, client, account, alice, lines):
        for body in ('{"query": "{ nope }"}', "{", '{"query": "{ getCustomerAccounts }"}'):
            client.post(
                "/api/graphql",
                body,
                content_type="application/json",
                headers={"Authorization": f"Bearer {alice.token}x"},
            )
        client.get("/no/such/", headers={"Authorization": f"Bearer {alice.token}"})
        assert lines()
        assert alice.token.removeprefix("ctok_") not in str(lines())

    def test_of_somebody_who_signs_in(self, account, alice, lines):
        browser = Client()
        for password in ("wrong battery staple", "correct horse"):
            browser.post(LOGIN, {"login": "alice@example.com", "password": password})
        browser.get("/no/such/")
        key = browser.cookies["sessionid"].value
        told = str(lines())
        assert "/no/such/" in told
        for secret in (key, "battery staple", "correct horse"):
            assert secret not in told
