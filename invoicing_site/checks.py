"""System checks: what is missing or dangerous is named at the start, not found at midnight.

Errors stop every command and the server; warnings are for `manage.py check --deploy`.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from invoices.documents import fonts
from payments.sandbox.guard import LOOPBACK_NAMES, OutsideSandbox, refuse_outside_sandbox

SHORTEST_TOKEN = 32
HINTS = {
    "STRIPE_WEBHOOK_SECRET": "Stripe's dashboard shows it with the webhook endpoint: it begins with whsec_.",
    "STRIPE_PUBLISHABLE_KEY": "It belongs to STRIPE_SECRET_KEY and begins with pk_.",
    "PAYPAL_CLIENT_SECRET": "PayPal's dashboard shows it with the client id.",
    "PAYPAL_WEBHOOK_ID": "PayPal's dashboard shows it with the webhook.",
}


@register()
def what_is_missing(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """What the site cannot run with."""
    return [*_keys(), *_payments(), *_fonts()]


def _keys() -> Iterator[CheckMessage]:
    if settings.SECRET_KEY_IS_MADE_UP and not settings.DEBUG:
        yield Error(
            "SECRET_KEY is not set",
            hint="Set SECRET_KEY to 50 random characters, or start with script/run, which keeps one.",
            id="invoicing.E001",
        )
    if settings.PAYMENTS == "live" and not settings.SECOND_FACTOR and not settings.DEBUG:
        yield Error(
            "Staff sign in without a second factor",
            hint="Unset SECOND_FACTOR: only a demo in the sandbox goes without.",
            id="invoicing.E006",
        )
    if settings.PAYMENTS not in ("sandbox", "live"):
        yield Error(f"PAYMENTS is {settings.PAYMENTS!r}, not sandbox or live", id="invoicing.E002")


def _payments() -> Iterator[CheckMessage]:
    if not settings.PROVIDER_TIMEOUT > 0:
        yield Error(
            f"PROVIDER_TIMEOUT is {settings.PROVIDER_TIMEOUT:g}, but no answer comes in no time",
            hint="Set it to the seconds to wait for a provider's answer, or unset it for 20.",
            id="invoicing.E007",
        )
    if settings.PAYMENTS == "sandbox":
        try:
            refuse_outside_sandbox(
                secret_key=settings.STRIPE_SECRET_KEY,
                payments=settings.PAYMENTS,
                allowed_hosts=settings.ALLOWED_HOSTS,
            )
        except OutsideSandbox as error:
            yield Error(
                str(error),
                hint="Set PAYMENTS=live and the providers' keys, or keep ALLOWED_HOSTS to this machine.",
                id="invoicing.E003",
            )
        return
    if not settings.STRIPE_SECRET_KEY and not settings.PAYPAL_CLIENT_ID:
        yield Error(
            "PAYMENTS is live, but no provider has a key",
            hint="Set STRIPE_SECRET_KEY or PAYPAL_CLIENT_ID, or PAYMENTS=sandbox to try things out.",
            id="invoicing.E004",
        )
    needed = []
    if settings.STRIPE_SECRET_KEY:
        needed += ["STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET"]
    if settings.PAYPAL_CLIENT_ID:
        needed += ["PAYPAL_CLIENT_SECRET", "PAYPAL_WEBHOOK_ID"]
    for name in needed:
        if not getattr(settings, name):
            yield Error(f"{name} is not set", hint=HINTS[name], id="invoicing.E005")


def _fonts() -> Iterator[CheckMessage]:
    if missing := fonts.missing_bundled_fonts():
        yield Error(
            f"Fonts of the PDF documents are missing: {', '.join(missing)}",
            hint=f"They belong in {fonts.ASSETS / 'fonts'}: restore them from the repository.",
            id="invoicing.E008",
        )


@register(Tags.security, deploy=True)
def what_is_dangerous(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """What the site runs with, but should not in production."""
    live = settings.PAYMENTS == "live"
    dangers = (
        (settings.DEBUG, "W001", "DEBUG is on: errors show their insides", "Unset DEBUG."),
        (
            live and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"),
            "W002",
            "Real money is kept in SQLite",
            "Set DATABASE_URL to a PostgreSQL database.",
        ),
        (
            live and not settings.HTTPS,
            "W003",
            "Pages and cookies are not protected by TLS",
            "Set SITE_URL to the https:// address that customers use.",
        ),
        (
            live and settings.STRIPE_SECRET_KEY.startswith(("sk_test_", "rk_test_")),
            "W004",
            "PAYMENTS is live, but STRIPE_SECRET_KEY is a test key",
            "Use the live key: cards are not charged with this one.",
        ),
        (
            settings.EMAIL_BACKEND == "invoicing_site.mail_files.EmailBackend",
            "W005",
            "Mails are written to files and reach nobody",
            "Set EMAIL_URL, for example smtp+tls://user:password@mail.example.com:587.",
        ),
        (
            live and set(settings.ALLOWED_HOSTS) <= LOOPBACK_NAMES,
            "W006",
            "ALLOWED_HOSTS names only this machine",
            "Set it to the host names that customers use, separated by commas.",
        ),
    )
    told = (*dangers, *_doors_ajar())
    return [Warning(text, hint=hint, id=f"invoicing.{code}") for is_so, code, text, hint in told if is_so]


def _doors_ajar() -> tuple[tuple[bool, str, str, str], ...]:
    """What makes trying things out too easy: whether it is so, its number, its text and what to do."""
    return (
        (
            settings.HTTPS and settings.PROXIES < 1,
            "W007",
            "Failed sign-ins are all counted as the proxy's: anybody can lock out a customer",
            "Set PROXIES to the number of proxies in front, each of which adds to X-Forwarded-For.",
        ),
        (
            0 < len(settings.METRICS_TOKEN) < SHORTEST_TOKEN,
            "W008",
            "METRICS_TOKEN is short enough to be guessed",
            f"Use {SHORTEST_TOKEN} random characters or more.",
        ),
        (
            settings.PAYMENTS == "live" and None in settings.LIMITS.values(),
            "W009",
            f"Nothing limits {', '.join(_without_limit())}",
            "Unset what is off, or give it a limit such as 60/10m.",
        ),
        (
            not fonts.has_system_font(),
            "W010",
            f"The font {fonts.SYSTEM_FONT} is missing: PDFs show Chinese, Japanese and Korean as boxes",
            "Install it; Debian calls the package fonts-noto-cjk.",
        ),
    )


def _without_limit() -> list[str]:
    return [name.upper() for name, limit in settings.LIMITS.items() if limit is None]
