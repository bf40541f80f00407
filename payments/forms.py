"""What the payment pages read: which orders of which region to pay."""

import uuid
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account, AccountLineItem
from accounts.querysets import LARGEST_ID, parse_id

LISTED = 20


@dataclass
class RegionOption:
    """The unpaid orders of one region; `orders` are empty where there are too many to list."""

    id: int
    name: str
    currency: str
    count: int
    total: int
    newest: int
    orders: list[dict[str, Any]] = field(default_factory=list)
    is_checked: bool = False
    ticked: set[int] | None = None  # None: all

    @property
    def everything(self) -> str:
        """What `All 340 orders` stood for when the page was made."""
        return f"{self.count}:{self.newest}"

    @property
    def ticked_orders(self) -> list[dict[str, Any]]:
        return [order for order in self.orders if self.ticked is None or order["id"] in self.ticked]

    @property
    def ticked_total(self) -> int:
        return sum(order["amount"] for order in self.ticked_orders) if self.orders else self.total


class PayRegionForm(forms.Form):
    """A region and some of its unpaid orders. Fields are named per region; only the chosen one's are read.

    `choose` lists one region's orders however many they are, `tick_none` unticks them.
    """

    form_key = forms.UUIDField(
        error_messages={
            "required": gettext_lazy("This page was open too long. Load it again; nothing was sent."),
            "invalid": gettext_lazy("This page was open too long. Load it again; nothing was sent."),
        }
    )
    region = forms.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), gettext_lazy("Select a region")
        ),
    )

    def __init__(
        self, data: Any = None, *, account: Account, choose: int = 0, tick_none: bool = False
    ) -> None:
        super().__init__(data)
        self.account, self.choose, self.tick_none = account, choose, tick_none
        self.was_taken = False  # by somebody who was quicker

    @property
    def key(self) -> str:
        """The key of this form: a new one for a new page, the old one after an error."""
        return (self.data.get("form_key") if self.is_bound else None) or str(uuid.uuid4())

    @property
    def first_order(self) -> str:
        """The id of the field that an error about the orders leads to."""
        chosen = next((one for one in self.regions if one.is_checked), None)
        if chosen is None:
            return ""
        return f"order-{chosen.orders[0]['id']}" if chosen.orders else f"region-{chosen.id}"

    @property
    def _unpaid(self) -> Any:
        return AccountLineItem.objects.filter(account=self.account).unbilled()

    @cached_property
    def regions(self) -> list[RegionOption]:
        """The regions with unpaid orders, the one worth most first."""
        options = [
            RegionOption(
                id=row["region_id"],
                name=row["region__name"],
                currency=row["currency"],
                count=row["count"],
                total=row["total"],
                newest=row["newest"],
            )
            for row in self._unpaid.by_region()
        ]
        asked = parse_id(self.data.get("region", "")) if self.is_bound else self.choose
        checked = next((one for one in options if one.id == asked), None) or next(iter(options), None)
        if checked:
            checked.is_checked = True
        self._list_orders(options)
        return options

    def _list_orders(self, options: list[RegionOption]) -> None:
        listed = [one.id for one in options if one.count <= LISTED or one.id == self.choose]
        rows = self._unpaid.filter(region__in=listed).as_rows() if listed else []
        for option in options:
            option.orders = [row for row in rows if row["region_id"] == option.id]
            if option.is_checked and self.is_bound:
                option.ticked = set(self.ids_for(option.id))
            elif option.id == self.choose and self.tick_none:
                option.ticked = set()

    def ids_for(self, region: int) -> list[int]:
        """The orders that were ticked in a region."""
        return [parse_id(one) for one in cast("QueryDict", self.data).getlist(f"orders-{region}")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        region = cleaned.get("region")
        if region is not None:
            cleaned["line_item_ids"] = self._everything(region) or self.ids_for(region)
            if not cleaned["line_item_ids"]:
                self.add_error(None, gettext("Select at least one order"))
        return cleaned

    def _everything(self, region: int) -> list[int]:
        """All that the page counted; when some of it is gone, also a row that nobody has, so that the
        operation refuses."""
        count, _, newest = self.data.get(f"everything-{region}", "").partition(":")
        if not newest:
            return []
        unpaid = self._unpaid.filter(region=region, pk__lte=parse_id(newest)).values_list("pk", flat=True)
        ids = list(unpaid)
        return ids if len(ids) == parse_id(count) else [*ids, 0]


class InvoiceSearchForm(forms.Form):
    """What the list of invoices asks for in its address. Wrong dates are told and do not count."""

    q = forms.CharField(
        required=False, max_length=100, label=gettext_lazy("Search invoice, order or PO number")
    )
    state = forms.CharField(required=False)
    sort = forms.CharField(required=False)

    STATES = ("open", "overdue", "partly", "paid")
    SORTS = ("number", "issued", "due", "total", "open")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (
            ("from", gettext_lazy("Issued from")),
            ("to", gettext_lazy("Issued until")),
            ("due_from", gettext_lazy("Due from")),
            ("due_to", gettext_lazy("Due until")),
        ):
            self.fields[name] = a_day(label)
        self.is_valid()

    @property
    def text(self) -> str:
        return self.cleaned_data.get("q", "").strip()

    @property
    def chosen_state(self) -> str:
        state = self.cleaned_data.get("state", "")
        return state if state in self.STATES else ""

    @property
    def chosen_sort(self) -> str:
        sort = self.cleaned_data.get("sort", "")
        return sort if sort.removeprefix("-") in self.SORTS and sort.count("-") < 2 else "-number"

    @property
    def day_names(self) -> list[str]:
        """The fields of the dates that were given."""
        return [name for name in ("from", "to", "due_from", "due_to") if self.cleaned_data.get(name)]

    @property
    def dates(self) -> dict[str, Any]:
        """The dates that were given, by the filter's names."""
        names = {"from": "issued_from", "to": "issued_until", "due_from": "due_from", "due_to": "due_until"}
        given = {names[name]: self.cleaned_data.get(name) for name in names}
        return {name: value for name, value in given.items() if value}


def a_day(label: Any, **more: Any) -> forms.DateField:
    """A day as a browser's own field sends it."""
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Write the day like 2025-10-03")},
        **more,
    )


class StatementForm(forms.Form):
    """Two days, both included: three months until today unless others are asked for."""

    def __init__(self, data: QueryDict | None, *, today: date) -> None:
        self.first, self.last = three_months_before(today), today
        filled = {"from": self.first.isoformat(), "to": today.isoformat()} | (data.dict() if data else {})
        super().__init__(filled)
        self.fields["from"] = a_day(gettext_lazy("From"))
        self.fields["to"] = a_day(gettext_lazy("To"))

    @property
    def days(self) -> tuple[date, date]:
        return self.cleaned_data["from"] or self.first, self.cleaned_data["to"] or self.last


def three_months_before(day: date) -> date:
    """The same day three months before, or the last one of a shorter month."""
    month, year = (day.month - 4) % 12 + 1, day.year - (day.month <= 3)
    return date(year, month, min(day.day, monthrange(year, month)[1]))
