"""Requests that no browser of ours makes: NUL in addresses and cookies, over-long names, numbers past every
row.

None of them is a bug of the site, so none may end as one. PostgreSQL is the stricter judge.
"""

from pathlib import Path

import pytest
from axes.models import AccessAttempt

from accounts.models import Account, User
from core.outbox import OutboxMessage
from invoicing_site.settings import STATIC_ROOT, STORAGES
from payments.models import Payment, ReconciliationIssue
from tests import factories
from tests.back_office import a_clerk, list_of
from tests.factories import MANUAL
from tests.pages import LOGIN, TOKENS, sign_in, text_of
from tests.payments.reading import region_fields

RESET = "/account/password/reset/"
LONG = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 59}.example"
TOO_LONG = "Use at most 254 characters"
PAST_EVERY_ROW = ["99999999999999999999", str(2**63), "-1", "0", "9" * 5000]


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice.user)
    return client


@pytest.fixture
def staff(client, stella):
    factories.an_organization()
    client.force_login(stella)
    return client


class TestNul:
    @pytest.mark.parametrize(
        "address", ["/account/\0/", "/account/{number}\0/", "/account/{number}\0/pay/", "/\0", "/admin/\0/"]
    )
    def test_in_a_path_is_an_address_that_is_not_there(self, signed_in, account, address):
        page = signed_in.get(address.format(number=account.number))
        assert (page.status_code, page["X-Request-Id"] != "") == (404, True)
        assert text_of(page) == "Page not found Check the address, or go to your account."
        assert "default-src" in page["Content-Security-Policy"]

    @pytest.mark.parametrize("query", ["currency=%00", "q=%00", "account__id__exact=1%00", "show=%00"])
    def test_in_a_list_s_filter_is_refused(self, staff, account, query):
        page = staff.get(f"{list_of(Account)}?{query}")
        assert (page.status_code, page.content) == (400, b"The address holds a character that nothing has.")

    def test_in_a_query_is_refused_at_every_door(self, staff, account):
        autocomplete = "/admin/autocomplete/?app_label=accounts&model_name=membership&field_name=user"
        for address in (f"{autocomplete}&term=%00", f"{LOGIN}?next=%00", "/api/graphql?a=%00"):
            assert staff.get(address).status_code == 400
        assert staff.get(f"{autocomplete}&term=alice").status_code == 200

    def test_what_only_looks_like_it_is_left_alone(self, client, account):
        assert client.get(f"{LOGIN}?next=%2500").status_code == 200

    @pytest.mark.parametrize(
        "cookie", ['"aaaaaaaaaa\\000"', "x", "A" * 32, "a" * 33, "\u00e4" * 32, "a" * 5000]
    )
    def test_a_session_that_cannot_be_ours_is_none(self, client, alice, cookie):
        client.cookies["sessionid"] = ""
        client.cookies["sessionid"].set("sessionid", cookie, cookie)  # as it stands: not quoted again
        assert client.get(LOGIN).status_code == 200
        assert client.get(TOKENS)["Location"] == f"{LOGIN}?next={TOKENS}"
        assert client.post("/api/graphql", "{}", content_type="application/json").status_code < 500
        assert sign_in(client).status_code == 302

    def test_a_session_of_ours_is_kept(self, signed_in):
        assert signed_in.get(TOKENS).status_code == 200

    def test_in_forms(self, client, alice, account):
        for email, password in (("a\0@example.com", "x"), ("alice@example.com", "x\0"), ("\0", "\0")):
            assert sign_in(client, email, password).status_code == 422
            answer = client.post("/admin/login/", {"username": email, "password": password})
            assert answer.status_code == 200
        assert client.post(RESET, {"email": "alice@example.com\0"}).status_code == 422
        assert not AccessAttempt.objects.exists()
        client.force_login(alice.user)
        assert client.post(TOKENS, {"name": "a\0b", "days": "30"}).status_code == 422

    def test_in_the_forms_of_paying(self, signed_in, account):
        line = account.line_items.get()
        fields = region_fields(account, line)
        pay = f"/account/{account.number}/pay/"
        region = f"orders-{line.region_id}"
        for name in ("form_key", "region", region):
            assert signed_in.post(pay, fields | {name: f"{fields[name]}\0"}).status_code == 422
        everything = {f"everything-{line.region_id}": "1\0:1\0", region: ""}
        assert signed_in.post(pay, fields | everything).status_code == 422
        invoice = factories.an_open_invoice(account, line)
        page = f"/account/{account.number}/invoices/{invoice.pk}/pay/"
        assert signed_in.post(page, {"provider": "\0"}).status_code == 422
        collection = factories.an_initiated_session(invoice, MANUAL).collection_id
        assert signed_in.post(f"{pay}{collection}/method/", {"provider": "\0"}).status_code == 422
        assert signed_in.post(f"{pay}{collection}/complete/", {"session": "\0"}).status_code == 404

    def test_in_staff_s_reasons(self, staff, account):
        payment = factories.a_promised_payment(factories.an_open_invoice(account))
        for action in ("verify", "reject"):
            answer = staff.post(f"/admin/payments/payment/{payment.pk}/{action}/", {"reason": "a\0b"})
            assert answer.status_code == 422
        assert Payment.objects.get().status == "pending"


class TestOverLongNames:
    def test_the_name_of_an_attempt_fits_its_column(self, client, account):
        for name in ("a" * 300 + "@example.com", "a" * 100_000, "\u0130" * 200):
            answer = client.post("/admin/login/", {"username": name, "password": "wrong"})
            assert answer.status_code == 200
        assert {len(name) for name in AccessAttempt.objects.values_list("username", flat=True)} == {255}

    @pytest.mark.parametrize("length", [255, 256, 300, 320, 321, 100_000])
    def test_no_address_is_longer_than_a_user_s(self, client, account, length):
        address = LONG.replace("a" * 64, "a" * (length - len(LONG) + 64))
        assert len(address) == length
        page = sign_in(client, address, "wrong")
        assert (page.status_code, TOO_LONG in text_of(page)) == (422, True)
        page = client.post(RESET, {"email": address})
        assert (page.status_code, TOO_LONG in text_of(page)) == (422, True)
        assert not AccessAttempt.objects.exists()

    def test_the_longest_address_signs_in(self, client, account):
        User.objects.create_user(LONG, "correct horse")
        assert len(LONG) == 254
        assert sign_in(client, LONG, "wrong").status_code == 422
        assert sign_in(client, LONG).status_code == 302

    def test_nobody_tries_a_password_longer_than_one_can_be(self, client, alice, stella):
        page = sign_in(client, password="x" * 4097)
        assert (page.status_code, "Use at most 4096 characters" in text_of(page)) == (422, True)
        given = {"username": "stella@example.com", "password": "x" * 4097}
        page = client.post("/admin/login/", given)
        assert (page.status_code, b"Use at most 4096 characters" in page.content) == (200, True)
        assert not AccessAttempt.objects.exists()

    def test_the_longest_password_works(self, client, alice):
        alice.user.set_password("x" * 4096)
        alice.user.save()
        assert sign_in(client, password="x" * 4096).status_code == 302

    def test_staff_set_none_that_is_longer(self, staff, alice):
        page = f"/admin/accounts/user/{alice.user.pk}/set_password/"
        new = {"password1": "x9" * 2049, "password2": "x9" * 2049}
        answer = staff.post(page, new)
        assert (answer.status_code, b"Use at most 4096 characters" in answer.content) == (422, True)
        alice.user.refresh_from_db()
        assert alice.user.check_password("correct horse")


class TestWhereAnAttemptCameFrom:
    """What axes counts by, besides the name; tried from one machine, through none, one or two proxies."""

    @pytest.mark.parametrize(
        ("proxies", "passed_on", "counted"),
        [
            (0, None, "127.0.0.1"),
            (0, "203.0.113.7", "127.0.0.1"),
            (1, None, "127.0.0.1"),
            (1, "203.0.113.7", "203.0.113.7"),
            (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
            (1, "198.51.100.1,2001:DB8::7", "2001:db8::7"),
            (1, "203.0.113.7, unknown", "127.0.0.1"),
            (1, "fe80::1%\0", "fe80::1"),
            (2, "203.0.113.7, 10.0.0.2", "203.0.113.7"),
            (2, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
            (2, "203.0.113.7", "127.0.0.1"),
        ],
    )
    def test_is_who_reached_our_outermost_proxy(self, client, alice, settings, proxies, passed_on, counted):
        settings.PROXIES = proxies
        given = {"login": "alice@example.com", "password": "wrong"}
        client.post(LOGIN, given, headers={"X-Forwarded-For": passed_on} if passed_on else {})
        assert AccessAttempt.objects.get().ip_address == counted

    def test_a_stranger_behind_the_same_proxy_locks_nobody_out(self, client, alice, settings):
        settings.PROXIES = 1
        given = {"login": "alice@example.com", "password": "wrong"}
        for number in range(5):
            headers = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"}  # the first is his invention
            last = client.post(LOGIN, given, headers=headers)
        assert last.status_code == 429
        given["password"] = "correct horse"
        assert client.post(LOGIN, given, headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 429
        assert client.post(LOGIN, given, headers={"X-Forwarded-For": "203.0.113.8"}).status_code == 302


class TestNumbersPastEveryRow:
    @pytest.mark.parametrize("region", PAST_EVERY_ROW)
    def test_as_a_region(self, signed_in, account, region):
        line = account.line_items.get()
        fields = region_fields(account, line) | {"region": region, f"orders-{region[:20]}": line.pk}
        page = signed_in.post(f"/account/{account.number}/pay/", fields)
        assert (page.status_code, "Select a region" in text_of(page)) == (422, True)
        assert signed_in.post(f"/account/{account.number}/pay/sum/", fields).status_code == 200

    @pytest.mark.parametrize("number", [one for one in PAST_EVERY_ROW if one.isdigit()])
    def test_as_an_order_or_in_an_address(self, signed_in, account, number):
        line = account.line_items.get()
        fields = region_fields(account) | {f"orders-{line.region_id}": number}
        assert signed_in.post(f"/account/{account.number}/pay/", fields).status_code == 422
        fields = region_fields(account) | {f"everything-{line.region_id}": f"{number}:{number}"}
        assert signed_in.post(f"/account/{account.number}/pay/", fields).status_code == 422
        assert signed_in.get(f"/account/{account.number}/pay/?choose={number}").status_code == 200

    @pytest.mark.parametrize("number", ["99999999999999999999", str(2**63), "0"])
    def test_as_an_address(self, signed_in, account, number):
        for address in ("pay/{}/", "pay/{}/state/", "pay/{}/return/", "invoices/{}/", "invoices/{}/pay/"):
            page = signed_in.get(f"/account/{account.number}/{address.format(number)}")
            assert page.status_code == 404


class TestRowsThatCannotBe:
    """A row's address in the back office that names none leads back, whatever stands there."""

    @pytest.mark.parametrize("model", [Payment, ReconciliationIssue, Account, OutboxMessage])
    @pytest.mark.parametrize("pk", ["abc", "_00", "1.5", "-1", *PAST_EVERY_ROW[:2]])
    def test_page(self, staff, account, model, pk):
        address = f"{list_of(model)}{pk}/change/"
        answer = staff.get(address)
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")

    @pytest.mark.parametrize(
        "page", ["payment/{}/verify", "payment/{}/reject", "reconciliationissue/{}/resolve"]
    )
    @pytest.mark.parametrize("pk", ["abc", "_00", *PAST_EVERY_ROW[:2]])
    def test_question(self, staff, account, page, pk):
        answer = staff.get(f"/admin/payments/{page.format(pk)}/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")

    @pytest.mark.parametrize("pk", ["abc", "_00", *PAST_EVERY_ROW[:2]])
    def test_history(self, staff, account, pk):
        page = staff.get(f"{list_of(Payment)}{pk}/history/", follow=True)
        assert page.status_code == 200

    @pytest.mark.parametrize("model", [Payment, ReconciliationIssue])
    @pytest.mark.parametrize("pk", ["abc", "_00", "1"])
    def test_who_may_not_look_learns_nothing(self, client, account, model, pk):
        client.force_login(a_clerk("accounts.view_account"))
        address = f"{list_of(model)}{pk}/change/"
        assert client.get(address).status_code in (302, 403)

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_a_question_is_asked_and_answered_by_get_and_post(self, staff, account, method):
        payment = factories.a_promised_payment(factories.an_open_invoice(account))
        for action in ("verify", "reject"):
            answer = getattr(staff, method)(f"/admin/payments/payment/{payment.pk}/{action}/")
            assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, POST")
        assert Payment.objects.get().status == "pending"


def test_the_list_of_static_files_is_kept_out_of_what_is_served():
    manifest = STORAGES["staticfiles"]["OPTIONS"]["manifest_storage"]
    assert not Path(manifest.path("staticfiles.json")).is_relative_to(STATIC_ROOT)
