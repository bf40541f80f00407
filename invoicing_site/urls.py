"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from invoicing_site.storefront import graphql
from payments.webhooks import webhook

urlpatterns = [
    path("api/graphql", graphql),
    path("graphql", graphql),
    path("webhooks/stripe", webhook, {"provider_code": "pp_stripe_stripe"}),
    path("webhooks/paypal", webhook, {"provider_code": "pp_paypal_paypal"}),
    path("", include("accounts.urls")),  # before the admin: its sign-in page is ours
    path("admin/", admin.site.urls),
    path("", include("payments.urls")),
]

handler403 = "invoicing_site.error_pages.forbidden"
handler404 = "invoicing_site.error_pages.not_found"
handler500 = "invoicing_site.error_pages.server_error"
