"""One translation per door from a refusal to the door's shape."""

from types import SimpleNamespace

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.utils.functional import SimpleLazyObject

from core.doors import admin_message, customer_of, form_error, graphql_error
from core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Refusal, Unauthenticated


@pytest.mark.parametrize(
    ("refusal", "message", "code"),
    [
        (Refusal("No"), "No", "VALIDATION_ERROR"),
        (Invalid("Wrong"), "Wrong", "VALIDATION_ERROR"),
        (Unauthenticated(), "Authentication required", "UNAUTHENTICATED"),
        (Forbidden(), "Insufficient permissions", "FORBIDDEN"),
        (NotFound("Invoice not found"), "Invoice not found", "NOT_FOUND"),
        (Conflict("Too late"), "Too late", "CONFLICT"),
        (RateLimited("Slowly"), "Slowly", "RATE_LIMITED"),
    ],
)
def test_a_refusal_as_a_graphql_error(refusal, message, code):
    assert graphql_error(refusal).formatted == {"message": message, "extensions": {"code": code}}


def test_the_argument_at_fault_is_named():
    error = graphql_error(Invalid("Wrong", field="dueDate"))
    assert error.extensions == {"code": "VALIDATION_ERROR", "field": "dueDate"}


class Reason(forms.Form):
    reason = forms.CharField()


def test_a_refusal_stands_beside_its_field_where_the_form_has_it():
    form = Reason({"reason": "x"})
    form_error(form, Invalid("Enter a reason", field="reason"))
    form_error(form, Invalid("Wrong", field="amount"))
    form_error(form, Conflict("Too late"))
    assert form.errors == {"reason": ["Enter a reason"], "__all__": ["Wrong", "Too late"]}


def test_a_refusal_in_the_admin(rf):
    request = rf.get("/")
    request.session = {}
    request._messages = FallbackStorage(request)
    admin_message(request, Conflict("Too late"))
    assert [(one.level_tag, one.message) for one in get_messages(request)] == [("error", "Too late")]


def asked_by(customer):
    return SimpleNamespace(context=SimpleNamespace(customer=customer))


def nobody():
    raise Unauthenticated


def test_a_stranger_is_refused_before_anything_is_looked_up():
    with pytest.raises(Unauthenticated):
        customer_of(asked_by(SimpleLazyObject(nobody)))


def test_a_customer_is_asked_for_the_right(alice, sam):
    assert customer_of(asked_by(alice.customer), may="pay_invoice").user == alice.user
    assert customer_of(asked_by(sam.customer), may="get_invoices").user == sam.user
    with pytest.raises(Forbidden):
        customer_of(asked_by(sam.customer), may="pay_invoice")
