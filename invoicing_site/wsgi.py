"""The server's way in. It does not start with settings that the system checks refuse."""

import os

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoicing_site.settings")
application = get_wsgi_application()

refused = [message for message in run_checks() if message.level >= ERROR]
if refused:
    raise ImproperlyConfigured("\n".join(str(message) for message in refused))
