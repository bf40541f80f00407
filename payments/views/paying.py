"""The payment page: one address, every state. Its children post the method and the payment, tell how it
stands, and take the payer back from the provider."""

from contextlib import suppress

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import operations as accounts
from accounts.models import Account
from core.errors import Conflict, NotFound, Refusal
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentCollection, PaymentSession
from payments.operations import Standing
from payments.providers import PROVIDERS
from payments.views.access import CustomerRequest, account_page, see_other
from payments.views.payment_page import draw, may_see, standing_context

READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@account_page(may="pay_invoice")
def pay(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The payment as it stands now."""
    collection = _collection(request, account, pk)
    return draw(request, account, collection.covered.all(), _standing(request, collection), collection)


@READ_OR_WRITE
@account_page(may="pay_invoice")
def invoice_pay(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The payment of one invoice in full: reading writes nothing, choosing a method makes the collection."""
    invoices = Invoice.objects.filter(account=account).select_related("region")
    invoice = invoices.get_for(request.customer, pk, may="pay_invoice")
    refusal = None
    if request.method == "POST":
        accounts.count_payment_attempt(customer=request.customer, account_id=account.pk, at=timezone.now())
        try:
            session = operations.initiate_payment(
                invoice=invoice,
                provider_code=request.POST.get("provider", ""),
                at=timezone.now(),
                by=request.customer.actor,
            )
            return see_other(request, _address(account, session.collection_id))
        except Refusal as refused:
            refusal = refused
    started = PaymentCollection.objects.started_for([invoice])
    if invoice.pk in started and refusal is None:
        return see_other(request, _address(account, started[invoice.pk]))
    standing = operations.standing_of_invoice(
        invoice,
        deciding=list(PaymentSession.objects.deciding_on([invoice])),
        at=timezone.now(),
        user_id=request.customer.user.pk,
    )
    whole = [{"invoice": invoice, "amount": standing.amount}]
    return draw(request, account, whole, standing, None, refusal=refusal)


@READ_OR_WRITE
@account_page(may="pay_invoice")
def method(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """Choose how to pay. `Continue to PayPal` goes on to the provider's own page."""
    collection = _collection(request, account, pk)
    if request.method != "POST":
        return see_other(request, _address(account, pk))
    accounts.count_payment_attempt(customer=request.customer, account_id=account.pk, at=timezone.now())
    try:
        session = operations.change_method(
            collection=collection,
            provider_code=request.POST.get("provider", ""),
            at=timezone.now(),
            by=request.customer.actor,
        )
        if "go_on" in request.POST:
            session = operations.renewed(session=session, at=timezone.now(), by=request.customer.actor)
    except Refusal as refusal:
        collection = _collection(request, account, pk)
        standing = _standing(request, collection)
        return draw(request, account, collection.covered.all(), standing, collection, refusal=refusal)
    if "go_on" in request.POST and session.redirect_url:
        is_open = session.status == PaymentSession.Status.INITIATED
        return see_other(request, session.redirect_url if is_open else _after(account, session))
    here = session.collection_id == collection.pk
    if here and request.headers.get("HX-Request") and _fits(session, request.POST.get("page_is_for", "")):
        collection = _collection(request, account, pk)
        context = standing_context(request, account, collection, _standing(request, collection))
        return render(request, "payments/_panel.html", context | {"is_answer": True})
    return see_other(request, f"{_address(account, session.collection_id)}?chosen=1")


def _fits(session: PaymentSession, page_is_for: str) -> bool:
    """Whether a page that was sent for one provider may show another's panel: its content security policy was
    fixed when it was sent, so the new one must need no further origin."""
    if page_is_for not in PROVIDERS:
        return False
    needed, allowed = (PROVIDERS[code].csp_origins() for code in (session.provider.code, page_is_for))
    kinds = ("script", "frame", "connect", "form_action")
    return all(set(getattr(needed, kind)) <= set(getattr(allowed, kind)) for kind in kinds)


@READ_OR_WRITE
@account_page(may="pay_invoice", is_own_enough=False)
def use_credit(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """Put account credit on what is paid here; then on with the payment of the rest, if there is one."""
    collection = _collection(request, account, pk)
    if request.method != "POST":
        return see_other(request, _address(account, pk))
    first = collection.covered.all()[0].invoice
    try:
        rest = operations.use_credit(collection=collection, at=timezone.now(), by=request.customer.actor)
    except Refusal as refusal:
        standing = _standing(request, collection)
        return draw(request, account, collection.covered.all(), standing, collection, refusal=refusal)
    if rest is None:
        return see_other(request, reverse("invoice", args=[account.number, first.pk]))
    return see_other(request, _address(account, rest.pk))


@READ_OR_WRITE
@account_page(may="pay_invoice")
def complete(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """Pay, or promise to. Whatever comes of it is told by the page that follows, however often it is read."""
    collection = _collection(request, account, pk)
    if request.method != "POST":
        return see_other(request, _address(account, pk))
    sessions = collection.sessions.select_related("provider")
    session = sessions.get_for(request.customer, request.POST.get("session", ""), may="pay_invoice")
    accounts.count_payment_attempt(customer=request.customer, account_id=account.pk, at=timezone.now())
    try:
        outcome = operations.complete_payment(
            session=session,
            at=timezone.now(),
            by=request.customer.actor,
        )
    except Conflict:
        return see_other(request, _address(account, pk))  # the page says why
    if outcome.success:
        return see_other(request, _after(account, session))
    with suppress(Refusal):  # the page says why
        fresh = operations.replaced(session=session, at=timezone.now(), by=request.customer.actor)
        if fresh.pk != session.pk:
            return see_other(request, f"{_address(account, fresh.collection_id)}?renewed=1")
    return see_other(request, _address(account, pk))


@READ_OR_WRITE
@account_page(may="pay_invoice")
def renew(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """What PayPal's button asks when it is pressed: the order to confirm, a new one if the old ran out while
    the page stood open. Or where to go on, when there is nothing left to confirm."""
    collection = _collection(request, account, pk)
    if request.method != "POST":
        return see_other(request, _address(account, pk))
    sessions = collection.sessions.select_related("provider")
    session = sessions.get_for(request.customer, request.POST.get("session", ""), may="pay_invoice")
    accounts.count_payment_attempt(customer=request.customer, account_id=account.pk, at=timezone.now())
    try:
        session = operations.renewed(session=session, at=timezone.now(), by=request.customer.actor)
    except Refusal:
        return see_other(request, _address(account, pk))  # the page says why
    if session.status != PaymentSession.Status.INITIATED or session.collection_id != pk:
        return see_other(request, _after(account, session))
    return JsonResponse({"session": session.pk, **session.data})


def _after(account: Account, session: PaymentSession) -> str:
    """The address that tells the outcome: the account once money was paid or promised, else the payment."""
    payments = Payment.objects.filter(session=session, account=account)
    payment = payments.exclude(status=Payment.Status.FAILED).first()
    if payment is None:
        return _address(account, session.collection_id)
    kind = "promised" if payment.status == Payment.Status.PENDING else "paid"
    return f"{reverse('account', args=[account.number])}?{kind}={payment.pk}"


@require_safe
@account_page(may="pay_invoice")
def state(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """What an open page asks: nothing new, the running payment redrawn, or where to go on.

    A page that shows a running payment names its session, and one that opened PayPal's window names that one.
    Any other page with a form is drawn anew when a payment begins elsewhere.
    """
    collection = _collection(request, account, pk)
    standing = _standing(request, collection)
    if request.GET.get("seen") == standing.token:
        return HttpResponse(status=204)
    waits_for = request.GET.get("session", "")
    if waits_for and standing.stand in operations.RUNNING and may_see(request, standing):
        context = standing_context(request, account, collection, standing)
        return render(request, "payments/_running.html", context)
    ended = _waited_for(collection, waits_for or request.GET.get("opened", ""))
    return see_other(request, _after(account, ended) if ended else _address(account, pk))


def _waited_for(collection: PaymentCollection, session: str) -> PaymentSession | None:
    """The session of this collection whose result a page waited for, if it was paid."""
    succeeded = PaymentSession.Status.SUCCEEDED
    return next(
        (one for one in collection.sessions.all() if str(one.pk) == session and one.status == succeeded), None
    )


@require_safe
@account_page(may="pay_invoice")
def return_from_provider(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """Back from the provider: look there how the payment stands, then go on."""
    collection = _collection(request, account, pk)
    reference = request.GET.get("token") or request.GET.get("payment_intent") or ""
    sessions = list(collection.sessions.all())
    session = next((one for one in sessions if reference and one.reference == reference), None)
    session = session or next((one for one in sessions if one.is_selected), None)
    if session is None:
        raise NotFound("Payment not found")
    if "cancelled" in request.GET:
        return see_other(request, f"{_address(account, pk)}?closed=1")
    operations.look_now(session=session, at=timezone.now(), by=request.customer.actor)
    return see_other(request, _after(account, session))


def _collection(request: CustomerRequest, account: Account, pk: int) -> PaymentCollection:
    collections = PaymentCollection.objects.with_details().filter(account=account)
    return collections.get_for(request.customer, pk, may="pay_invoice")


def _standing(request: CustomerRequest, collection: PaymentCollection) -> Standing:
    invoices = [item.invoice for item in collection.covered.all()]
    return operations.standing_of(
        collection,
        deciding=list(PaymentSession.objects.deciding_on(invoices)),
        at=timezone.now(),
        user_id=request.customer.user.pk,
    )


def _address(account: Account, collection: int) -> str:
    return reverse("pay", args=[account.number, collection])
