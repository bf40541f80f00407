"""What the payment pages read: which orders of which region to pay."""

import uuid
from dataclasses import dataclass, field
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
