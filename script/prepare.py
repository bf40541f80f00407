"""Bring database, static files and demo data up to date; print as JSON what script.serve must know.

One start of Django for what would be four `manage.py` calls.
"""

import hashlib
import io
import json
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from script.free_port import refusal

STEP_1 = '{"query": "query GetCustomerAccounts { getCustomerAccounts }"}'


def site_address() -> str:
    if os.environ.get("SITE_URL"):
        return settings.SITE_URL.rstrip("/")
    host = os.environ["HOST"]
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  listens everywhere, which is no address to visit
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{os.environ['PORT']}"


def allowed_host() -> str:
    """A name under which the site answers."""
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS]
    return "localhost" if not names or {"*", "localhost"} & set(names) else names[0]


def check_sandbox_port() -> None:
    """The sandbox listens beside the site; better to refuse here than to start half."""
    if reason := refusal(os.environ["HOST"], str(int(os.environ["PORT"]) + 1)):
        sys.exit(f"!! The payments sandbox needs the port after the site's. {reason}")


def collect_static_files() -> None:
    """Hashing and compressing takes seconds, so only when a file has changed since the last time."""
    files = [
        storage.path(path) for finder in get_finders() for path, storage in finder.list(ignore_patterns=None)
    ]
    states = [f"{path} {os.stat(path).st_mtime_ns}" for path in sorted(files)]
    fingerprint = hashlib.sha256("\n".join(states).encode()).hexdigest()
    collected = Path(f"{settings.STATIC_ROOT}.collected")
    if collected.exists() and collected.read_text() == fingerprint:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    collected.write_text(fingerprint)


def demo_data() -> dict:
    answer = io.StringIO()
    call_command("demo_data", "--json", stdout=answer)
    return json.loads(answer.getvalue())


def demo_welcome(demo: dict) -> list[str]:
    """Log-ins, a token, and step 1 of the payment flow as a command to paste."""
    site = site_address()
    people = demo["customers"] + demo["staff"]
    width = max(len(person["email"]) for person in people)
    token = demo["customers"][0]["token"]
    lines = ["", f"Customers log in at {site}/account/login/"]
    for person in demo["customers"]:
        accounts = ", ".join(person["accounts"])
        lines.append(f"  {person['email']:{width}}  {person['password']}  {person['role']}, {accounts}")
    lines += ["", f"Staff log in at {site}/admin/"]
    for person in demo["staff"]:
        lines.append(f"  {person['email']:{width}}  {person['password']}  {person['role']}")
    return [
        *lines,
        "",
        f"Customer token of {demo['customers'][0]['email']}: {token}",
        "",
        "The accounts of this customer (step 1 of paying an invoice):",
        "",
        f"curl -X POST {site}/api/graphql \\",
        '  -H "Content-Type: application/json" \\',
        f'  -H "Authorization: Bearer {token}" \\',
        f"  -d '{STEP_1}'",
        "",
        "No real money moves: payments go to the local sandbox.",
    ]


def live_welcome() -> list[str]:
    return [
        "",
        "Payments are live, so there is no demo data. Create the first member of staff with",
        "",
        ".venv/bin/python manage.py createsuperuser",
        "",
        f"with the same environment (DATABASE_URL, SECRET_KEY, …), and log in at {site_address()}/admin/",
    ]


def main() -> None:
    answer, sys.stdout = sys.stdout, sys.stderr  # whatever the commands print is for people
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invoicing_site.settings")
    django.setup()
    sandbox = settings.PAYMENTS == "sandbox"
    if sandbox:
        check_sandbox_port()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static_files()
    welcome = demo_welcome(demo_data()) if sandbox else live_welcome()
    json.dump(
        {
            "sandbox": sandbox,
            "host": allowed_host(),
            "database": connection.vendor,
            "welcome": "\n".join([f"The site is at {site_address()}/", *welcome]),
        },
        answer,
    )


if __name__ == "__main__":
    try:
        main()
    except (CommandError, ImproperlyConfigured, OperationalError) as error:
        sys.exit(f"!! {error}")
