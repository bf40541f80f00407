"""The storefront's payment flow, operation by operation: reference document 000 as it is published."""

import pytest

from accounts.models import Account
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentSession
from tests import factories
from tests.documents import (
    COMPLETE,
    CREATE_INVOICE,
    CREATE_SESSIONS,
    GET_ACCOUNTS,
    INITIATE,
)
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE

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


def test_the_account_is_told_with_exactly_the_published_keys(shop, account):
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    line = account.line_items.get()
    region = line.region
    created = "2025-09-03T05:21:07.596Z"
    assert told == {
        "id": str(account.pk),
        "accountNumber": "ACC-2025-000001",
        "title": "Business Account",
        "status": "active",
        "accountType": "business",
        "dueDate": "2025-10-03T23:59:59.999Z",
        "createdAt": created,
        "totalAmount": 3940,
        "paidAmount": 0,
        "balanceDue": 3940,
        "creditLimit": 100000,
        "availableCredit": 96060,
        "formattedTotal": "$39.40",
        "formattedBalance": "$39.40",
        "formattedCreditLimit": "$1,000.00",
        "formattedAvailableCredit": "$960.60",
        "currency": {"id": "840", "code": "usd", "symbol": "$"},
        "lineItems": [
            {
                "id": str(line.pk),
                "description": "Order #1756876866 - 1 items",
                "amount": 3940,
                "formattedAmount": "$39.40",
                "orderDisplayId": "1756876866",
                "itemCount": 1,
                "paymentStatus": "unpaid",
                "createdAt": created,
                "order": {"id": str(line.order.pk)},
            }
        ],
        "unpaidLineItemsByRegion": {
            "success": True,
            "regions": [
                {
                    "region": {
                        "id": str(region.pk),
                        "name": "North America",
                        "currency": {
                            "id": "840",
                            "code": "usd",
                            "symbol": "$",
                            "noDivisionCurrency": False,
                        },
                    },
                    "lineItems": [
                        {
                            "id": str(line.pk),
                            "amount": 3940,
                            "description": "Order #1756876866 - 1 items",
                            "orderDisplayId": "1756876866",
                            "itemCount": 1,
                            "createdAt": created,
                            "formattedAmount": "$39.40",
                        }
                    ],
                    "totalAmount": 3940,
                    "itemCount": 1,
                    "formattedTotalAmount": "$39.40",
                }
            ],
            "totalRegions": 1,
            "totalUnpaidItems": 1,
            "message": "Found 1 unpaid orders across 1 regions",
        },
        "openInvoices": [],
    }


def test_an_invoice_is_created_as_published(shop, account):
    line = account.line_items.get()
    made = shop(CREATE_INVOICE, accountId=account.pk, regionId=line.region_id, lineItemIds=[str(line.pk)])[
        "createInvoiceFromLineItems"
    ]
    invoice = Invoice.objects.get()
    assert made == {
        "success": True,
        "invoice": {
            "id": str(invoice.pk),
            "invoiceNumber": "INV-2025-001",
            "title": f"North America Invoice for Account {account.pk}",
            "description": "Payment invoice for 1 North America orders (#1756876866)",
            "totalAmount": 3940,
            "formattedTotal": "$39.40",
            "status": "sent",
            "dueDate": "2025-10-03T23:59:59.999Z",
            "createdAt": "2025-09-03T05:21:07.596Z",
            "currency": {"code": "usd", "symbol": "$"},
            "lineItems": [
                {
                    "id": str(invoice.line_items.get().pk),
                    "accountLineItem": {
                        "id": str(line.pk),
                        "description": "Order #1756876866 - 1 items",
                        "orderDisplayId": "1756876866",
                        "itemCount": 1,
                    },
                }
            ],
            "itemCount": 1,
        },
        "message": "Invoice created with 1 orders totaling $39.40",
        "error": None,
    }
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert told["unpaidLineItemsByRegion"]["message"] == "No unpaid items found"
    assert told["openInvoices"] == [
        {
            "id": str(invoice.pk),
            "invoiceNumber": "INV-2025-001",
            "formattedTotal": "$39.40",
            "formattedOpenBalance": "$39.40",
            "status": "sent",
            "pendingPayment": False,
            "dueDate": "2025-10-03T23:59:59.999Z",
        }
    ]


TAKEN = "Some line items were not found, are already paid, or are not from North America region"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"accountId": "999"}, ("Account not found", "NOT_FOUND")),
        ({"accountId": "cmf3a647p0002cfynywhf4itw"}, ("Account not found", "NOT_FOUND")),
        ({"accountId": "99999999999999999999999"}, ("Account not found", "NOT_FOUND")),
        ({"regionId": "999"}, ("Region not found", "NOT_FOUND")),
        ({"lineItemIds": []}, ("No valid unpaid line items found", "VALIDATION_ERROR")),
        ({"lineItemIds": ["999"]}, (TAKEN, "CONFLICT")),
        ({"dueDate": "2025-09-02"}, ("Due date cannot be in the past", "VALIDATION_ERROR")),
        ({"dueDate": "2026-09-05"}, ("Due date cannot be more than 1 year ahead", "VALIDATION_ERROR")),
        ({"dueDate": "soon"}, ("Due date must be an ISO 8601 date", "VALIDATION_ERROR")),
    ],
)
def test_a_wrong_invoice_is_refused_and_nothing_is_made(shop, account, change, error):
    line = account.line_items.get()
    right = {"accountId": account.pk, "regionId": line.region_id, "lineItemIds": [line.pk]}
    assert shop.error(CREATE_INVOICE, **right | change) == error
    assert not Invoice.objects.exists()


def test_a_line_item_cannot_be_billed_twice_or_named_twice(shop, account, invoice):
    line = account.line_items.get()
    right = {"accountId": account.pk, "regionId": line.region_id}
    assert shop.error(CREATE_INVOICE, **right, lineItemIds=[line.pk]) == (TAKEN, "CONFLICT")
    fresh = factories.an_unpaid_order(account, display_id="2")
    assert shop.error(CREATE_INVOICE, **right, lineItemIds=[fresh.pk, fresh.pk]) == (TAKEN, "CONFLICT")
    assert Invoice.objects.count() == 1


def test_line_items_of_another_region_or_account_are_refused(shop, account, mallory):
    europe = factories.a_region("Europe", "EUR")
    line = account.line_items.get()
    refused = "Some line items were not found, are already paid, or are not from Europe region"
    asked = {"accountId": account.pk, "regionId": europe.pk, "lineItemIds": [line.pk]}
    assert shop.error(CREATE_INVOICE, **asked) == (refused, "CONFLICT")
    theirs = factories.an_unpaid_order(Account.objects.get(company_name="Initech"), display_id="3")
    asked = {"accountId": account.pk, "regionId": line.region_id, "lineItemIds": [theirs.pk]}
    assert shop.error(CREATE_INVOICE, **asked) == (TAKEN, "CONFLICT")
    assert not Invoice.objects.exists()


def test_sessions_are_made_once_for_every_provider(shop, invoice):
    first = shop(CREATE_SESSIONS, invoiceId=invoice.pk)["createInvoicePaymentSessions"]
    collection = first["paymentCollection"]
    assert first["id"] == str(invoice.pk)
    assert [
        (one["paymentProvider"]["code"], one["isSelected"], one["isInitiated"], one["amount"], one["data"])
        for one in collection["paymentSessions"]
    ] == [(STRIPE, True, False, 3940, {}), (PAYPAL, False, False, 3940, {}), (MANUAL, False, False, 3940, {})]
    assert shop(CREATE_SESSIONS, invoiceId=invoice.pk)["createInvoicePaymentSessions"] == first
    assert PaymentSession.objects.count() == 3


def test_no_providers_in_the_region(shop, invoice):
    invoice.region.payment_providers.clear()
    refused = ("No payment providers are available for this region", "CONFLICT")
    assert shop.error(CREATE_SESSIONS, invoiceId=invoice.pk) == refused
    assert not PaymentSession.objects.exists()


def test_an_unknown_invoice(shop):
    assert shop.error(CREATE_SESSIONS, invoiceId="999") == ("Invoice not found", "NOT_FOUND")


def test_a_card_payment_is_initiated_once(shop, invoice, sandbox):
    asked = {"invoiceId": invoice.pk, "paymentProviderId": STRIPE}
    first = shop(INITIATE, **asked)["initiateInvoicePaymentSession"]
    assert first["amount"] == 3940
    assert first["isInitiated"] is True
    session = PaymentSession.objects.get(provider__code=STRIPE)
    assert first["data"]["clientSecret"].startswith(f"{session.reference}_secret_")
    assert first["data"]["publishableKey"] == "pk_test_sandbox"
    assert shop(INITIATE, **asked)["initiateInvoicePaymentSession"] == first
    assert session.is_selected
    assert sandbox.intent(session.reference)["metadata"]["session"] == str(session.uuid)


def test_an_unknown_provider(shop, invoice):
    refused = ("Payment provider not found or not installed", "NOT_FOUND")
    assert shop.error(INITIATE, invoiceId=invoice.pk, paymentProviderId="pp_acme") == refused


def test_a_card_payment_without_webhooks(shop, account, invoice, sandbox):
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, "4242424242424242")
    answer = {
        "id": str(invoice.pk),
        "status": "succeeded",
        "success": True,
        "message": "Invoice INV-2025-001 paid successfully",
        "error": None,
    }
    for _ in range(2):
        assert shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"] == answer
    payment = Payment.objects.get()
    assert (payment.status, payment.amount, payment.currency) == ("captured", 3940, "USD")
    assert payment.method_details == {"brand": "visa", "last4": "4242"}
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert (told["formattedBalance"], told["formattedAvailableCredit"]) == ("$0.00", "$1,000.00")
    assert told["lineItems"][0]["paymentStatus"] == "paid"
    assert operations.broken_invariants(at=NOW) == []


def test_a_declined_card_and_then_another(shop, invoice, sandbox):
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, "4000000000000002")
    declined = shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]
    assert declined == {
        "id": str(invoice.pk),
        "status": "requires_payment_method",
        "success": False,
        "message": None,
        "error": "Payment status: requires_payment_method",
    }
    assert operations.broken_invariants(at=NOW) == []
    sandbox.confirm_card(session.reference, "4242424242424242")
    assert shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]["success"] is True
    assert Payment.objects.count() == 1


def test_paypal(shop, invoice, sandbox):
    session = factories.an_initiated_session(invoice, PAYPAL)
    assert session.data == {"orderId": session.reference, "clientId": "sandbox-client"}
    early = shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]
    assert (early["success"], early["error"]) == (False, "Payment status: PAYER_ACTION_REQUIRED")
    sandbox.approve_paypal(session.reference)
    assert shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]["status"] == "succeeded"
    assert [(entry.provider, entry.amount) for entry in sandbox.ledger()][-1] == ("paypal", 3940)
    assert operations.broken_invariants(at=NOW) == []


def test_a_manual_payment_is_a_promise_until_staff_verify_it(shop, account, invoice, stella):
    session = factories.an_initiated_session(invoice, MANUAL)
    assert session.data["reference"] == f"INV-2025-001-{session.pk}"
    answer = {
        "id": str(invoice.pk),
        "status": "manual_pending",
        "success": True,
        "message": "Invoice INV-2025-001 is awaiting verification of your payment",
        "error": None,
    }
    for _ in range(2):
        assert shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"] == answer
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert told["formattedBalance"] == "$39.40"
    assert told["lineItems"][0]["paymentStatus"] == "pending"
    assert told["openInvoices"][0]["pendingPayment"] is True
    assert told["openInvoices"][0]["formattedOpenBalance"] == "$0.00"
    assert operations.broken_invariants(at=NOW) == []
    operations.verify_manual_payment(payment=Payment.objects.get(), at=NOW, staff=stella)
    (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert told["formattedBalance"] == "$0.00"
    assert shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]["status"] == "succeeded"
    assert operations.broken_invariants(at=NOW) == []


def test_an_uninitiated_session_is_completed_as_the_document_tries_it(shop, invoice):
    """The document's quick test skips step 5: a promise needs no opening, a card has no payer yet."""
    made = shop(CREATE_SESSIONS, invoiceId=invoice.pk)["createInvoicePaymentSessions"]
    card, _, manual = (one["id"] for one in made["paymentCollection"]["paymentSessions"])
    early = shop(COMPLETE, paymentSessionId=card)["completeInvoicePayment"]
    assert early["error"] == "Payment status: requires_payment_method"
    done = shop(COMPLETE, paymentSessionId=manual)["completeInvoicePayment"]
    assert done["status"] == "manual_pending"


def test_an_unknown_session(shop):
    assert shop.error(COMPLETE, paymentSessionId="999") == ("Payment session not found", "NOT_FOUND")


def test_a_provider_that_was_taken_out_is_unsupported(shop, invoice):
    session = factories.an_initiated_session(invoice, MANUAL)
    session.provider.code = "pp_acme"
    session.provider.save()
    refused = ("Unsupported payment provider: pp_acme", "NOT_FOUND")
    assert shop.error(COMPLETE, paymentSessionId=session.pk) == refused


def test_paying_by_two_ways_at_once_is_refused(shop, invoice, sandbox):
    card = factories.an_initiated_session(invoice, STRIPE)
    promise = factories.an_initiated_session(invoice, MANUAL)
    shop(COMPLETE, paymentSessionId=promise.pk)
    sandbox.confirm_card(card.reference, "4242424242424242")
    refused = ("Invoice INV-2025-001 is awaiting the result of a payment", "CONFLICT")
    assert shop.error(COMPLETE, paymentSessionId=card.pk) == refused
    assert sandbox.intent(card.reference)["status"] == "requires_capture"


def test_a_changed_balance_makes_a_new_session_of_a_new_collection(shop, account, invoice, sandbox):
    first = factories.an_initiated_session(invoice, STRIPE)
    Invoice.objects.filter(pk=invoice.pk).update(reserved_amount=940)
    again = shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=STRIPE)["initiateInvoicePaymentSession"]
    assert again["amount"] == 3000
    assert again["id"] != str(first.pk)
    assert PaymentSession.objects.get(pk=again["id"]).collection_id != first.collection_id
