"""Charging an account, and settling its charges as its invoices are paid."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from moneyed import Money

from accounts.models import Account, AccountLineItem, ExchangeRate, Organization, Region
from accounts.operations.locking import locked_account
from core.audit import Actor, record
from core.errors import Conflict, Forbidden, Invalid
from core.money import convert, format_minor, to_minor


def charge(*, account_id: int, **charge: Any) -> AccountLineItem:
    """Put a charge on an account, under its lock. See `add_charge` for what it takes and refuses."""
    with locked_account(account_id) as account:
        return add_charge(account=account, **charge)


def add_charge(
    *,
    account: Account,
    region: Region,
    amount: Money,
    description: str,
    at: datetime,
    by: Actor,
    order_display_id: str = "",
    item_count: int = 1,
    override_reason: str = "",
    due_date: date | None = None,
    is_held: bool = True,
) -> AccountLineItem:
    """Put a charge on an account whose lock the caller holds. Without a due date its payment terms decide.

    `amount` is in the region's currency; it is booked with its worth in the account's currency at the rate
    in force at `at` (a missing rate is refused, never 1:1). Refused: an account that is suspended or closed,
    one whose available credit is smaller (staff may override with a reason, which is audited), and, if the
    organization says so and it `is_held` to that, one with overdue charges.
    """
    minor = _minor_in(region, amount)
    organization = Organization.objects.get()
    _require_chargeable(account, organization, at=at, is_held=is_held)
    rate = _rate(region.currency, account.currency, at=at)
    worth = convert(minor, region.currency, account.currency, rate)
    override_reason = override_reason.strip()
    over = _require_credit(account, worth, by=by, override_reason=override_reason)
    line = AccountLineItem.objects.create(
        account=account,
        region=region,
        description=description,
        order_display_id=order_display_id,
        item_count=item_count,
        currency=region.currency,
        amount=minor,
        account_amount=worth,
        exchange_rate=rate,
        due_date=due_date or account.due_date(organization.today(at), organization),
        created_at=at,
    )
    _raise_total(account, line, over=over, at=at, by=by, reason=override_reason)
    return line


def _raise_total(
    account: Account, line: AccountLineItem, *, over: bool, at: datetime, by: Actor, reason: str
) -> None:
    before = {"total_amount": account.total_amount}
    account.total_amount += line.account_amount
    account.save(update_fields=["total_amount"])
    record(
        account,
        "account.charged_over_limit" if over else "account.charged",
        at=at,
        by=by,
        before=before,
        after={"total_amount": account.total_amount, "line_item": line.pk},
        reason=reason,
    )


def _minor_in(region: Region, amount: Money) -> int:
    if amount.currency.code != region.currency:
        raise Invalid(f"Charges in {region.name} are in {region.currency}", field="amount")
    minor = to_minor(amount)
    if minor <= 0:
        raise Invalid("Charge amount must be positive", field="amount")
    return minor


def _require_credit(account: Account, worth: int, *, by: Actor, override_reason: str) -> bool:
    """Whether the charge goes over the limit; refuses one that does without a right and a reason."""
    if account.balance_due + worth <= account.credit_limit:
        return False
    if not override_reason:
        raise Conflict(
            f"Charge of {format_minor(worth, account.currency)} exceeds the available credit of "
            f"{format_minor(account.available_credit, account.currency)}"
        )
    if by.kind not in ("staff", "system"):
        raise Forbidden("Only staff can charge an account over its credit limit")
    return True


def _require_chargeable(account: Account, organization: Organization, *, at: datetime, is_held: bool) -> None:
    if account.status != Account.Status.ACTIVE:
        raise Conflict(f"Account {account.number} is {account.status}")
    if organization.hold_overdue_accounts and is_held:
        overdue = AccountLineItem.objects.filter(account=account).overdue(on=organization.today(at))
        if overdue.exists():
            raise Conflict(f"Account {account.number} has overdue charges")


def _rate(base: str, quote: str, *, at: datetime) -> Decimal:
    if base == quote:
        return Decimal(1)
    found = ExchangeRate.objects.in_force(base, quote, at=at).first()
    if found is None:
        raise Invalid(f"There is no exchange rate from {base} to {quote}", field="amount")
    return found.rate


def worth_in(minor: int, currency: str, into: str, *, at: datetime) -> int | None:
    """What a charge of so many minor units would be worth in an account's currency now; None where there is
    no rate."""
    try:
        return convert(minor, currency, into, _rate(currency, into, at=at))
    except Invalid:
        return None


def mark_billed(charges: Iterable[int], *, is_billed: bool) -> None:
    """Say of charges, by their ids, that a live invoice bills them, or that none does. Call under the
    account's lock, in the transaction that makes it so."""
    AccountLineItem.objects.filter(pk__in=charges).update(is_billed=is_billed)


def settle_line_items(*, account: Account, settled: Iterable[tuple[AccountLineItem, int]]) -> None:
    """Set how much of each charge is settled, in its own currency, and move the account's paid amount by
    exactly the difference in worth. Call under the account's lock; rows must be read after it."""
    changed, moved = [], 0
    for line, amount in settled:
        if amount == line.settled_amount:
            continue
        worth = line.worth_of(amount)
        moved += worth - line.settled_account_amount
        line.settled_amount, line.settled_account_amount = amount, worth
        changed.append(line)
    if changed:
        AccountLineItem.objects.bulk_update(changed, ["settled_amount", "settled_account_amount"])
        account.paid_amount += moved
        account.save(update_fields=["paid_amount"])
