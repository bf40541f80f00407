"""Who may do what through the storefront: nobody, strangers, and each role."""

from datetime import timedelta

import pytest

from payments.models import PaymentSession
from tests import factories
from tests.documents import COMPLETE, CREATE_INVOICE, CREATE_SESSIONS, GET_ACCOUNTS, INITIATE
from tests.factories import MANUAL, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return graphql(alice)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


ASKS = [
    (GET_ACCOUNTS, {}),
    (CREATE_INVOICE, {"accountId": "1", "regionId": "1", "lineItemIds": ["1"]}),
    (CREATE_SESSIONS, {"invoiceId": "1"}),
    (INITIATE, {"invoiceId": "1", "paymentProviderId": MANUAL}),
    (COMPLETE, {"paymentSessionId": "1"}),
]


@pytest.mark.parametrize(("document", "variables"), ASKS)
def test_nobody_is_refused(graphql, account, document, variables):
    assert graphql().error(document, **variables) == ("Authentication required", "UNAUTHENTICATED")


@pytest.mark.parametrize(("document", "variables"), ASKS)
def test_an_expired_token_is_nobody(graphql, alice, time_machine, document, variables):
    time_machine.move_to(NOW + timedelta(days=91))
    refused = ("Authentication required", "UNAUTHENTICATED")
    assert graphql(alice).error(document, **variables) == refused


def test_a_stranger_is_told_the_same_of_a_foreign_and_a_random_id(graphql, account, invoice, mallory):
    shop = graphql(mallory)
    session = factories.an_initiated_session(invoice, MANUAL)
    line = account.line_items.get()
    for document, name, own, more in [
        (CREATE_SESSIONS, "invoiceId", invoice.pk, {}),
        (INITIATE, "invoiceId", invoice.pk, {"paymentProviderId": MANUAL}),
        (COMPLETE, "paymentSessionId", session.pk, {}),
        (CREATE_INVOICE, "accountId", account.pk, {"regionId": line.region_id, "lineItemIds": [line.pk]}),
    ]:
        foreign = shop.post(document, {name: str(own), **more})
        random = shop.post(document, {name: "987654", **more})
        assert foreign.content == random.content
        assert foreign.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert told["accountNumber"] == "ACC-2025-000002"
    session.refresh_from_db()
    assert session.status == "initiated"


def test_roles(graphql, account, invoice, sam, bob):
    assert len(graphql(sam)(GET_ACCOUNTS)["getCustomerAccounts"]) == 1
    forbidden = ("Insufficient permissions", "FORBIDDEN")
    for document, variables in ASKS[1:]:
        own = variables | ({"invoiceId": invoice.pk} if "invoiceId" in variables else {})
        assert graphql(sam).error(document, **own) == forbidden
    for document, variables in ASKS:
        assert graphql(bob).error(document, **variables) == forbidden
    assert not PaymentSession.objects.exists()


@pytest.mark.parametrize("value", [1.5, True, [1], {"a": 1}])
def test_a_variable_of_the_wrong_type_is_the_caller_s_mistake(graphql, alice, value):
    answer = graphql(alice).post(CREATE_SESSIONS, {"invoiceId": value})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "VALIDATION_ERROR")
    assert error["message"].startswith("Variable '$invoiceId' got invalid value")
