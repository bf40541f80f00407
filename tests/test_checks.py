"""What is missing or dangerous is named at the start."""

import pytest
from django.core.checks import run_checks

from invoices.documents import fonts

LIVE = {
    "PAYMENTS": "live",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "PAYPAL_CLIENT_ID": "id",
    "PAYPAL_CLIENT_SECRET": "secret",
    "PAYPAL_WEBHOOK_ID": "WH-1",
    "ALLOWED_HOSTS": ["pay.example.com"],
    "SECRET_KEY_IS_MADE_UP": False,
    "HTTPS": True,
    "PROXIES": 1,
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "SECOND_FACTOR": True,
    "LIMITS": {"payments_per_account": (60, 600)},
}
SANDBOX = {
    "PAYMENTS": "sandbox",
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
    "ALLOWED_HOSTS": ["localhost"],
    "SECRET_KEY_IS_MADE_UP": False,
}


def found(settings, values, *, deploy=False):
    for name, value in values.items():
        setattr(settings, name, value)
    return sorted(
        (message.id, message.msg)
        for message in run_checks(include_deployment_checks=deploy)
        if message.id.startswith("invoicing.")
    )


@pytest.mark.parametrize("values", [LIVE, SANDBOX])
def test_what_is_complete_has_no_errors(settings, values):
    assert found(settings, values) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (SANDBOX | {"SECRET_KEY_IS_MADE_UP": True}, ("invoicing.E001", "SECRET_KEY is not set")),
        (
            LIVE | {"PAYMENTS": "test"},
            ("invoicing.E002", "PAYMENTS is 'test', not sandbox or live"),
        ),
        (
            SANDBOX | {"ALLOWED_HOSTS": ["pay.example.com"]},
            ("invoicing.E003", "ALLOWED_HOSTS is more than loopback: pay.example.com."),
        ),
        (
            SANDBOX | {"STRIPE_SECRET_KEY": "sk_live_x"},
            ("invoicing.E003", "STRIPE_SECRET_KEY is a live key. The sandbox never runs beside one."),
        ),
        (
            LIVE | {"STRIPE_SECRET_KEY": "", "PAYPAL_CLIENT_ID": ""},
            ("invoicing.E004", "PAYMENTS is live, but no provider has a key"),
        ),
        (
            LIVE | {"SECOND_FACTOR": False},
            ("invoicing.E006", "Staff sign in without a second factor"),
        ),
        *[
            (
                SANDBOX | {"PROVIDER_TIMEOUT": seconds},
                ("invoicing.E007", f"PROVIDER_TIMEOUT is {seconds}, but no answer comes in no time"),
            )
            for seconds in (0, -1, float("nan"))
        ],
        *[
            (LIVE | {name: ""}, ("invoicing.E005", f"{name} is not set"))
            for name in (
                "STRIPE_PUBLISHABLE_KEY",
                "STRIPE_WEBHOOK_SECRET",
                "PAYPAL_CLIENT_SECRET",
                "PAYPAL_WEBHOOK_ID",
            )
        ],
    ],
)
def test_what_is_missing_is_an_error(settings, values, told):
    assert found(settings, values) == [told]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DEBUG": True}, "invoicing.W001"),
        ({"HTTPS": False}, "invoicing.W003"),
        ({"STRIPE_SECRET_KEY": "sk_test_x"}, "invoicing.W004"),
        ({"EMAIL_BACKEND": "invoicing_site.mail_files.EmailBackend"}, "invoicing.W005"),
        ({"ALLOWED_HOSTS": ["localhost"]}, "invoicing.W006"),
        ({"PROXIES": 0}, "invoicing.W007"),
        ({"METRICS_TOKEN": "x" * 31}, "invoicing.W008"),
        ({"LIMITS": {"payments_per_account": None}}, "invoicing.W009"),
    ],
)
def test_what_is_dangerous_is_a_warning_of_deployment(settings, change, code):
    assert code not in [one for one, _ in found(settings, LIVE, deploy=True)]
    assert code in [one for one, _ in found(settings, LIVE | change, deploy=True)]


def test_real_money_in_sqlite_is_a_warning(settings):
    settings.DATABASES["default"]["ENGINE"], engine = (
        "django.db.backends.sqlite3",
        settings.DATABASES["default"]["ENGINE"],
    )
    try:
        assert "invoicing.W002" in [one for one, _ in found(settings, LIVE, deploy=True)]
    finally:
        settings.DATABASES["default"]["ENGINE"] = engine


def test_a_font_that_should_have_come_along_is_an_error(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FONTS", (*fonts.FONTS, tmp_path / "NotoSansThai-Bold.ttf"))
    told = ("invoicing.E008", "Fonts of the PDF documents are missing: NotoSansThai-Bold.ttf")
    assert found(settings, SANDBOX) == [told]


@pytest.mark.parametrize(("font", "is_told"), [("No Such Sans", True), ("DejaVu Sans", False)])
def test_a_font_that_the_system_lacks_is_a_warning_of_deployment(settings, monkeypatch, font, is_told):
    monkeypatch.setattr(fonts, "SYSTEM_FONT", font)
    assert ("invoicing.W010" in [one for one, _ in found(settings, LIVE, deploy=True)]) is is_told
