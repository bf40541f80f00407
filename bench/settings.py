"""The site's own settings, with the floors beside its addresses. script/bench starts the server with them."""

from invoicing_site.settings import *  # noqa: F403  the site as it is, whatever its settings are
from invoicing_site.settings import INSTALLED_APPS, MIDDLEWARE, STORAGES

ROOT_URLCONF = "bench.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "bench"]
STORAGES = STORAGES | {  # as they lie: nothing is collected for a bench, and no page reads a file
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
MIDDLEWARE = ["bench.floors.without_middleware", *MIDDLEWARE]
