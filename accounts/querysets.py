"""Every read of accounts. `visible_to` is the only way in which a customer's door gets a row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.base_user import BaseUserManager
from django.db import models
from django.db.models import (
    Avg,
    Count,
    DurationField,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber, TruncDate

from core.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from accounts.models import Customer, User

LARGEST_ID = 2**63 - 1
READ = "get_invoices"
ROW = (
    "id account_id region_id region__name currency amount account_amount description order_display_id "
    "item_count created_at"
).split()


def parse_id(value: Any) -> int:
    """A wire id as an integer; what cannot be one answers 0, which no row has."""
    text = str(value)
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return 0
    return min(int(text), LARGEST_ID)


@dataclass(frozen=True)
class Part:
    """A page of rows, and whether there are others on either side of it."""

    rows: list[Any]
    has_next: bool
    has_previous: bool


def _beyond(order: Sequence[str], edge: dict[str, Any], *, forwards: bool) -> Q:
    """The rows that come after (or before) a row in an order, which its columns decide from the left. `edge`
    is what the row holds in them."""
    beyond, equal = Q(), Q()
    for name in order:
        column = name.lstrip("-")
        value = edge[column]
        way = "lt" if name.startswith("-") == forwards else "gt"
        beyond |= equal & Q(**{f"{column}__{way}": value})
        equal &= Q(**{column: value})
    return beyond


class OwnedQuerySet(models.QuerySet):
    """Rows that belong to an account. Subclasses say by which field and how the row is called."""

    account_field = "account_id"
    missing = "Not found"

    def visible_to(self, customer: Customer, may: str = READ) -> Self:
        """Rows that this customer may read, or may do something else with: those of whole accounts, and
        their own ones of accounts where the permission reaches no further."""
        whole = Q(**{f"{self.account_field}__in": customer.account_ids(may)})
        own_ids = customer.own_account_ids(may)
        if not own_ids:
            return self.filter(whole)
        return self.filter(whole | Q(self.own(customer.user), **{f"{self.account_field}__in": own_ids}))

    def own(self, user: User) -> Q:
        """Which rows of an account are one member's; none, where rows belong to the company alone."""
        return Q(pk__in=())

    def get_for(self, customer: Customer, pk: Any, *, may: str = READ) -> Any:
        """One row by id; refuses a foreign and a random id alike, then one the role does not reach."""
        customer.require(may)
        found = self.visible_to(customer, may).filter(pk=parse_id(pk)).first()
        if found is None and may != READ and self.visible_to(customer).filter(pk=parse_id(pk)).exists():
            raise Forbidden
        if found is None:
            raise NotFound(self.missing)
        return found

    def each_for(self, customer: Customer, pks: Sequence[int], *, may: str) -> list[Any]:
        """Rows by their ids, in this order. Refuses a foreign and a random id alike, naming it, then one that
        the role does not reach."""
        customer.require(may)
        wanted = [pk if 0 <= pk <= LARGEST_ID else 0 for pk in pks]
        found = self.visible_to(customer, may).in_bulk(wanted)
        for pk in pks:
            if pk not in found and self.visible_to(customer).filter(pk=parse_id(pk)).exists():
                raise Forbidden
            if pk not in found:
                raise NotFound(f"{self.model._meta.verbose_name.capitalize()} {pk} not found")
        return [found[pk] for pk in pks]

    def part(
        self,
        order: Sequence[str],
        *,
        first: int | None = None,
        after: int | None = None,
        last: int | None = None,
        before: int | None = None,
        offset: int = 0,
        known: OwnedQuerySet | None = None,
    ) -> Part:
        """A page of the rows in an order that ends with the key: the `first` ones after a row, or the `last`
        ones before one; with both rows named, of those between them. Rows that come or go meanwhile shift
        nothing. The rows named are looked for among those `known` to the reader, so that one which left the
        filter since still begins a page; one that is not there at all begins nothing: the page is empty."""
        rows, forwards = self.order_by(*order), last is None
        for mark, is_after in ((after, True), (before, False)):
            if mark is not None:
                edge = (self if known is None else known)._columns_of(mark, order)
                rows = rows.filter(_beyond(order, edge, forwards=is_after)) if edge else rows.none()
        rows = rows if forwards else rows.reverse()
        count = (first if forwards else last) or 0
        found = list(rows[offset : offset + count + 1])
        has_more, kept = len(found) > count, found[:count]
        began, ended = after is not None, before is not None
        if forwards:
            return Part(kept, has_next=has_more or ended, has_previous=began or offset > 0)
        return Part(kept[::-1], has_next=ended or offset > 0, has_previous=has_more or began)

    def _columns_of(self, pk: int, order: Sequence[str]) -> dict[str, Any] | None:
        """What a row holds in the columns of an order."""
        columns = [name.lstrip("-") for name in order]
        return self.filter(pk=pk).prefetch_related(None).values(*columns).first()

    def reaches(self, customer: Customer, row: Any, *, may: str) -> bool:
        """Whether a permission holds on a row that the customer was given."""
        if row.account_id in customer.own_account_ids(may):
            return self.visible_to(customer, may).filter(pk=row.pk).exists()
        return customer.may(may, account_id=row.account_id)


class UserManager(BaseUserManager):
    """Users sign in with their e-mail, which is compared without regard to case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Any:
        if not email:
            raise ValueError("A user needs an e-mail address")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Any:
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, email: str | None) -> Any:
        return self.get(email=(email or "").strip().lower())


class AccountQuerySet(OwnedQuerySet):
    account_field = "pk"
    missing = "Account not found"

    def of_member(self, customer: Customer) -> Self:
        """Accounts whose pages this customer may open, whatever their role sees there."""
        return self.filter(pk__in=customer.reached_ids())

    def below(self, account_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
        """By account, all its subsidiaries and theirs, nearest first: one statement for each floor."""
        found: dict[int, list[int]] = {top: [] for top in account_ids}
        tops = {top: {top} for top in account_ids}
        while tops:
            parents: dict[int, set[int]] = {}
            for pk, parent in self.filter(parent__in=tops).order_by("pk").values_list("pk", "parent"):
                new = {top for top in tops[parent] if pk != top and pk not in found[top]}
                for top in new:
                    found[top].append(pk)
                if new:
                    parents[pk] = new
            tops = parents
        return {top: tuple(below) for top, below in found.items()}

    def over_limit(self) -> Self:
        """Accounts that owe more than they may: no new charges are taken."""
        return self.filter(total_amount__gt=F("paid_amount") + F("credit_limit"))

    def overdue(self, *, on: date) -> Self:
        """Accounts with an open invoice that was due before this day."""
        return self.filter(Exists(self._invoices().filter(status="sent", due_date__lt=on)))

    def with_overdue(self, *, on: date) -> Self:
        """`overdue_amount`: the part of the balance that stands on open invoices which were due before this
        day, in minor units of the account's currency."""
        late = self._invoices().filter(status="sent", due_date__lt=on, line_items__is_live=True)
        charge = "line_items__account_line_item"
        left = Sum(F(f"{charge}__account_amount") - F(f"{charge}__settled_account_amount"))
        summed = late.order_by().values("account").annotate(left=left).values("left")
        return self.annotate(overdue_amount=Coalesce(Subquery(summed), 0))

    def with_payment_behaviour(self, *, since: datetime) -> Self:
        """`time_to_pay`: from issue to payment on average, of the invoices that were paid since, each
        counting once; None without one. `last_payment_at`: when money came last."""
        took = Avg(TruncDate("paid_at") - F("issue_date"), output_field=DurationField())
        paid = self._invoices().filter(status="paid", paid_at__gte=since)
        came = self.model._meta.get_field("payments").related_model._default_manager
        came = came.filter(account=OuterRef("pk"), captured_at__isnull=False).order_by("-captured_at")
        return self.annotate(
            time_to_pay=Subquery(paid.order_by().values("account").annotate(took=took).values("took")),
            last_payment_at=Subquery(came.values("captured_at")[:1]),
        )

    def _invoices(self) -> models.QuerySet:
        """The outer account's."""
        invoices = self.model._meta.get_field("invoices").related_model._default_manager
        return invoices.filter(account=OuterRef("pk"))

    def with_due_date(self) -> Self:
        """`next_due_date`: the earliest due date of a charge that is still open."""
        charges = self.model._meta.get_field("line_items").related_model.objects
        open_charges = charges.open().filter(account=OuterRef("pk")).order_by().values("account")
        return self.annotate(next_due_date=Subquery(open_charges.annotate(due=Min("due_date")).values("due")))


class MembershipQuerySet(models.QuerySet):
    def admins_of(self, account_id: int) -> Self:
        """The members whom a colleague without rights can ask."""
        return self.filter(account_id=account_id, role="admin", user__is_active=True).select_related("user")


class InvitationQuerySet(models.QuerySet):
    def open(self) -> Self:
        """Neither accepted nor withdrawn, be their time over or not."""
        return self.filter(accepted_at=None, withdrawn_at=None)


class CustomerTokenQuerySet(models.QuerySet):
    def usable(self, *, at: datetime) -> Self:
        """Tokens that are neither revoked nor expired and whose user may sign in."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None, user__is_active=True
        ).select_related("user")


class ExchangeRateQuerySet(models.QuerySet):
    def in_force(self, base: str, quote: str, *, at: datetime) -> Self:
        """The rate from `base` to `quote` at a moment, newest first."""
        return self.filter(base=base, quote=quote, valid_from__lte=at).order_by("-valid_from")


class LineItemQuerySet(OwnedQuerySet):
    missing = "Line item not found"

    def own(self, user: User) -> Q:
        """Charges for orders that the member placed."""
        return Q(order__placed_by=user)

    def open(self) -> Self:
        """Charges that are not settled in full."""
        return self.filter(settled_amount__lt=F("amount"))

    def overdue(self, *, on: date) -> Self:
        return self.open().filter(due_date__lt=on)

    def unbilled(self) -> Self:
        """Charges that can be put on an invoice: open, and on no live invoice."""
        return self.open().filter(is_billed=False)

    def billed(self) -> Self:
        """Open charges that stand on a live invoice."""
        return self.open().filter(is_billed=True)

    def settled(self) -> Self:
        """Charges that are paid in full."""
        return self.filter(settled_amount=F("amount"))

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def charged_between(self, begin: datetime | None, end: datetime) -> Self:
        """Charged since `begin`, if there is one, and before `end`."""
        since = Q(created_at__gte=begin) if begin else Q()
        return self.filter(since, created_at__lt=end)

    def by_region(self) -> models.QuerySet:
        """A dictionary per region: how many charges, their sum, and their worth in the account's currency;
        the region worth most first."""
        grouped = self.order_by().values("region_id", "region__name", "currency")
        summed = grouped.annotate(count=Count("pk"), total=Sum("amount"), worth=Sum("account_amount"))
        return summed.annotate(newest=Max("pk")).order_by("-worth", "region_id")

    def with_live_invoice(self) -> Self:
        """`live_lines`: at most one line, of the invoice that bills the charge."""
        lines = self.model._meta.get_field("invoice_lines").related_model.objects.live()
        return self.prefetch_related(
            Prefetch("invoice_lines", queryset=lines.select_related("invoice"), to_attr="live_lines")
        )

    def with_payment_status(self) -> Self:
        """`has_pending_payment`: a payment that is being captured or checked covers its invoice."""
        lines = self.model._meta.get_field("invoice_lines").related_model.objects
        reserved = lines.filter(
            account_line_item=OuterRef("pk"), is_live=True, invoice__reserved_amount__gt=0
        )
        return self.annotate(has_pending_payment=Exists(reserved))

    def newest_of_each(self, account_ids: Collection[int], count: int) -> Self:
        """The newest `count` charges of each of these accounts, with order and payment status."""
        rank = Window(
            RowNumber(), partition_by=F("account_id"), order_by=[F("created_at").desc(), F("pk").desc()]
        )
        ranked = self.model.objects.filter(account__in=account_ids).annotate(rank=rank)
        rows = self.filter(pk__in=ranked.filter(rank__lte=count).values("pk")).with_payment_status()
        return rows.select_related("order").newest_first()

    def as_rows(self) -> models.QuerySet:
        """What the storefront tells of unpaid charges, as dictionaries: by account, oldest first."""
        return self.order_by("account_id", "created_at", "pk").values(*ROW)
