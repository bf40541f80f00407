"""The site's own settings, and the battery's command. script/battery runs its attacks with them."""

from invoicing_site.settings import *  # noqa: F403  the site as it is, whatever its settings are
from invoicing_site.settings import INSTALLED_APPS, LOGGING, env

INSTALLED_APPS = [*INSTALLED_APPS, "battery"]
# What the site logs while it is attacked goes into a file: the table is on the terminal.
_file = {"class": "logging.FileHandler", "filename": env.str("BATTERY_LOG"), "formatter": "line"}
LOGGING = {**LOGGING, "handlers": {"console": _file}}
CREDIT_NOTE_PDF = INVOICE_PDF = "battery.papers.no_pdf"
