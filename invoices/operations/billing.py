"""Billing everything: one invoice for each account and region over what was charged in a period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Organization, Region, User
from accounts.querysets import LineItemQuerySet
from core.errors import Conflict, Invalid
from core.money import midnight
from invoices.models import Invoice
from invoices.operations.drafting import ISSUE
from invoices.operations.issuing import bill_line_items


@dataclass(frozen=True)
class Unbilled:
    """What an account was charged in a region and is on no invoice: charges by id, and their sum in minor
    units of the region's currency."""

    account: Account
    region: Region
    line_item_ids: Sequence[int]
    total: int

    @property
    def key(self) -> str:
        """Names this account, region and sum: it changes when a charge comes or goes."""
        return f"{self.account.pk}-{self.region.pk}-{len(self.line_item_ids)}-{self.total}"


def unbilled_by_account(*, first: date | None, last: date) -> list[Unbilled]:
    """What waits for an invoice of what was charged between two days of the organization, both included,
    without the first one since ever; by company and region."""
    if first and last < first:
        raise Invalid("The end date must be after the start date", field="last")
    if not 1970 <= (first or last).year <= last.year <= 2999:
        raise Invalid("Choose days between 1970 and 2999", field="last")
    rows = _charges(first, last).select_related("account", "region")
    ordered = rows.order_by("account__company_name", "account_id", "region__name", "created_at", "pk")
    groups = []
    for _, same in groupby(ordered, key=lambda row: (row.account_id, row.region_id)):
        lines = list(same)
        ids, total = [line.pk for line in lines], sum(line.amount for line in lines)
        groups.append(Unbilled(lines[0].account, lines[0].region, ids, total))
    return groups


def bill_unbilled(
    *, unbilled: Unbilled, first: date | None, last: date, at: datetime, staff: User | None
) -> Invoice:
    """Issue one invoice over what an account was charged in a region between two days. Refuses when that is
    not what it was when it was read."""
    by = accounts.acting(staff, ISSUE)
    with accounts.locked_account(unbilled.account.pk) as account:
        rows = _charges(first, last).filter(account=account, region=unbilled.region)
        if sorted(rows.values_list("pk", flat=True)) != sorted(unbilled.line_item_ids):
            raise Conflict("Charges came or went meanwhile. Look again")
        return bill_line_items(
            account=account, region=unbilled.region, line_item_ids=unbilled.line_item_ids, at=at, by=by
        )


def _charges(first: date | None, last: date) -> LineItemQuerySet:
    zone = ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get())
    begin = midnight(first, zone) if first else None
    end = midnight(last + timedelta(days=1), zone)
    return AccountLineItem.objects.unbilled().charged_between(begin, end)
