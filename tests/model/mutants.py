"""Mistakes that somebody could make in the operations. The machine must notice each of them."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import operations as accounts
from accounts.models import AccountLineItem
from accounts.operations import charging
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import settling as closing
from payments.models import Payment, PaymentSession
from payments.operations import (
    booking,
    comparing,
    completing,
    reconciling,
    refunding,
    settling,
    taking_back,
    verifying,
)
from payments.querysets import SessionQuerySet

Patch = pytest.MonkeyPatch


def nothing(*given: Any, **named: Any) -> None:
    """Done by no means."""


def nothing_is_reserved(patch: Patch) -> None:
    """An invoice stays open while its payment is captured or promised."""
    patch.setattr(invoices, "reserve", nothing)


def the_limit_is_ignored(patch: Patch) -> None:
    patch.setattr(charging, "_require_credit", lambda *given, **named: False)


def a_decline_keeps_its_claim(patch: Patch) -> None:
    """Nobody can pay an invoice any more after a card was declined."""
    patch.setattr(settling, "free", nothing)


def a_rejection_keeps_the_invoice(patch: Patch) -> None:
    patch.setattr(verifying, "free", nothing)


def a_surplus_vanishes(patch: Patch) -> None:
    patch.setattr(booking, "_keep_as_credit", nothing)


def a_closed_invoice_ends_no_session(patch: Patch) -> None:
    patch.setattr(closing, "enqueue", nothing)


def a_part_is_worth_a_cent_more(patch: Patch) -> None:
    """Rounded up, where a charge in another currency is settled in part."""

    def worth_of(line: AccountLineItem, settled: int) -> int:
        return -(-line.account_amount * settled // line.amount)

    patch.setattr(AccountLineItem, "worth_of", worth_of)


def _cancel(*, even_paying: bool, frees: bool) -> Callable[..., None]:
    def cancel_invoice(*, invoice: Invoice, at: Any, staff: Any, reason: str) -> None:
        with accounts.locked_account(invoice.account_id):
            current = Invoice.objects.get(pk=invoice.pk)
            if current.paid_amount or (current.reserved_amount and not even_paying):
                raise closing.Conflict("It cannot be cancelled")
            by = accounts.acting(staff, closing.CANCEL)
            move(current, Invoice.Status.CANCELLED, at=at, by=by, reason=reason, cancelled_at=at)
            if frees:
                current.line_items.update(is_live=False)
            closing.enqueue(closing.CLOSED, {"invoice": current.pk}, at=at)

    return cancel_invoice


def an_invoice_is_cancelled_while_it_is_paid(patch: Patch) -> None:
    patch.setattr(invoices, "cancel_invoice", _cancel(even_paying=True, frees=True))


def a_cancelled_invoice_keeps_its_charges(patch: Patch) -> None:
    """They could never be billed again."""
    patch.setattr(invoices, "cancel_invoice", _cancel(even_paying=False, frees=False))


def an_old_sight_undoes_a_claim(patch: Patch) -> None:
    """What was seen before the claim counts as if it had been seen after it."""
    real = settling.settle

    def settle(*, session: PaymentSession, **named: Any) -> Any:
        return real(session=PaymentSession.objects.get(pk=session.pk), **named)

    patch.setattr(completing, "settle", settle)
    patch.setattr(reconciling, "settle", settle)


def nobody_looks_after_the_claimed(patch: Patch) -> None:
    """Reconciliation sees only sessions that nobody tried to capture."""

    def unfinished(rows: SessionQuerySet) -> SessionQuerySet:
        return rows.filter(status="initiated").exclude(reference="")

    patch.setattr(SessionQuerySet, "unfinished_at_provider", unfinished)


def amounts_are_not_compared(patch: Patch) -> None:
    """A part that was captured is booked as the whole."""
    for module in (booking, completing, settling):
        patch.setattr(module, "differences", lambda session, seen: [])


def who_pays_verifies(patch: Patch) -> None:
    def decidable(*, payment: Payment, staff: Any) -> Payment:
        current = Payment.objects.select_related("provider").get(pk=payment.pk)
        if current.status != Payment.Status.PENDING:
            raise verifying.Conflict("It is decided")
        return current

    patch.setattr(verifying, "decidable", decidable)


def a_refund_reserves_nothing(patch: Patch) -> None:
    """Two refunds together may exceed what came."""
    patch.setattr(refunding, "left_of", lambda payment: payment.amount)


def a_refund_takes_from_the_oldest_invoice(patch: Patch) -> None:
    real = taking_back._sources
    patch.setattr(taking_back, "_sources", lambda payment: real(payment)[::-1])


def a_refund_leaves_the_credit(patch: Patch) -> None:
    """What a payment left as credit stays, though the payment went back."""
    patch.setattr(taking_back, "credit_left", lambda payment: 0)


def nobody_pursues_refunds(patch: Patch) -> None:
    """A refund whose process died or whose answer was lost stays undecided."""
    patch.setattr(reconciling, "_pursue_refunds", lambda **named: 0)


def refunds_of_others_are_not_found(patch: Patch) -> None:
    """A lost webhook about them is not made up for."""
    patch.setattr(comparing, "find_refunds", nothing)


# The quickest first: these are tried with every run of the suite.
MUTANTS: tuple[Callable[[Patch], None], ...] = (
    nothing_is_reserved,
    a_closed_invoice_ends_no_session,
    a_decline_keeps_its_claim,
    the_limit_is_ignored,
    a_rejection_keeps_the_invoice,
    a_surplus_vanishes,
    a_part_is_worth_a_cent_more,
    an_invoice_is_cancelled_while_it_is_paid,
    a_cancelled_invoice_keeps_its_charges,
    an_old_sight_undoes_a_claim,
    nobody_looks_after_the_claimed,
    amounts_are_not_compared,
    who_pays_verifies,
    a_refund_reserves_nothing,
    a_refund_takes_from_the_oldest_invoice,
    a_refund_leaves_the_credit,
    nobody_pursues_refunds,
    refunds_of_others_are_not_found,
)
