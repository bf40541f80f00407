"""The site's addresses, and the floors that it is measured against."""

from django.urls import include, path

from bench import BARE, FLOOR, floors

urlpatterns = [
    path(f"{FLOOR[1:]}cpu", floors.cpu),
    path(f"{FLOOR[1:]}unpaid/<int:account_id>", floors.unpaid),
    path(f"{FLOOR[1:]}invoices/<int:account_id>", floors.invoices),
    path(f"{FLOOR[1:]}listed/<int:account_id>", floors.listed),
    path(f"{FLOOR[1:]}exported/<int:account_id>", floors.exported),
    path(f"{FLOOR[1:]}book", floors.book),
    path(f"{BARE[1:]}unpaid/<int:account_id>", floors.unpaid),
    path(f"{BARE[1:]}invoices/<int:account_id>", floors.invoices),
    path(f"{BARE[1:]}listed/<int:account_id>", floors.listed),
    path(f"{BARE[1:]}exported/<int:account_id>", floors.exported),
    path(f"{BARE[1:]}book", floors.book),
    path("", include("invoicing_site.urls")),
]
