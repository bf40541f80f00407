"""The pages of a list, and how many rows it has: counted up to a bound, past which it says so."""

from typing import Any

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST_COUNTED = 10_000


class Pages(Paginator):
    """Counts one row past the bound and no further: to count millions takes longer than to show fifty. What
    lies behind is found by a filter, and a file has all of it."""

    template_name = "admin/pages.html"
    most = MOST_COUNTED

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by().values("pk")[: self.most + 1].count()

    @property
    def has_more(self) -> bool:
        """Whether there are rows that were not counted."""
        return self.count > self.most
