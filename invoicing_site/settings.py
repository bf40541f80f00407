"""Settings: everything that differs between installations comes from the environment, with working defaults.

README.md, "Configuration", lists them; `manage.py check --deploy` names what is missing or dangerous.
"""

import os
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.files.storage import FileSystemStorage
from django.core.management.utils import get_random_secret_key

from invoicing_site.limits import limit
from invoicing_site.logs import logging_settings

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=3001)
DEBUG = env.bool("DEBUG", default=False)
STRICT = DEBUG  # raise where production logs: a query below a GraphQL root field
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=LOOPBACK)
_kept_key = VAR_DIR / "secret_key"  # script/run makes it
SECRET_KEY = env.str("SECRET_KEY", default="") or (
    _kept_key.read_text().strip() if _kept_key.exists() else ""
)
SECRET_KEY_IS_MADE_UP = not SECRET_KEY  # another in every process: checks.py refuses to serve with it
SECRET_KEY = SECRET_KEY or get_random_secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # older ones, while a new one comes in
# What a browser on this machine calls the host: 0.0.0.0 and :: only say where to listen.
_name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(HOST, f"[{HOST}]" if ":" in HOST else HOST)  # noqa: S104
SITE_URL = env.str("SITE_URL", default=f"http://{_name}:{PORT}")
INVOICE_PDF = "invoices.documents.pdf.invoice_pdf"  # what draws invoices: your own takes the same arguments
CREDIT_NOTE_PDF = "invoices.documents.pdf.credit_note_pdf"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "django_prometheus",
    "django_q",
    "djmoney",
    "graphene_django",
    "core",
    "accounts",
    "orders",
    "invoices",
    "payments",
    "invoicing_site",
]

MIDDLEWARE = [
    "invoicing_site.middleware.request_ids",
    "invoicing_site.watching.watching",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "invoicing_site.middleware.without_nul",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "invoicing_site.headers.permissions_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "invoicing_site.back_office.content_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "invoicing_site.middleware.customers",
    "invoicing_site.middleware.sliding_sessions",
    "invoicing_site.second_factor.second_factors",
    "invoicing_site.middleware.refusals",
    "invoicing_site.metrics.RequestMetrics",
]

ROOT_URLCONF = "invoicing_site.urls"
WSGI_APPLICATION = "invoicing_site.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "invoicing_site.context.site",
            ],
        },
    }
]

# --- Database: SQLite is embedded, PostgreSQL is for real use (docs/decisions/0002-two-databases.md)
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'invoicing.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Tests use a file too, each run its own: threads of a live server need connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / f"test-{os.getpid()}.sqlite3")}
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA recursive_triggers=ON;",  # or INSERT OR REPLACE deletes rows past their triggers
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c lock_timeout=10000"
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Background work
REDIS_URL = env.str("REDIS_URL", default="")
Q_CLUSTER = {
    "name": "invoicing-site",
    "workers": env.int("WORKERS", default=1),
    "timeout": 300,
    "retry": 360,
    "max_attempts": 5,
    "ack_failures": False,
    "poll": 1,
    "save_limit": 1000,
    "catch_up": False,
    "cache": "worker",  # twice a second it writes there how it is
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}
# One cache for all processes, or a code of a second factor could be used twice and limits would count apart.
_here = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
_redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
_table = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "shared_cache"}
CACHES = {"default": _redis if REDIS_URL else _table, "worker": _redis if REDIS_URL else _here}

# --- Signing in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/account/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/account/login/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
# Passwords are counted below; these are codes of a second factor, and a password asked for again.
ACCOUNT_RATE_LIMITS = {
    **dict.fromkeys(("login", "signup", "reset_password", "reset_password_from_key")),
    "login_failed": "5/15m/key",
    "reauthenticate": "5/15m/user",
}
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are given by staff, nobody signs up
SECOND_FACTOR = env.bool("SECOND_FACTOR", default=not DEBUG)  # staff must have one

# What may be tried how often (accounts/operations/limiting.py); failed sign-ins are counted by axes too.
LIMITS = {
    "failures_per_account": limit(env.str("FAILURES_PER_ACCOUNT", default="5/15m")),
    "failures_per_address": limit(env.str("FAILURES_PER_ADDRESS", default="100/1h")),
    "resets_per_account": limit(env.str("RESETS_PER_ACCOUNT", default="5/1h")),
    "resets_per_address": limit(env.str("RESETS_PER_ADDRESS", default="30/1h")),
    "wrong_tokens_per_address": limit(env.str("WRONG_TOKENS_PER_ADDRESS", default="20/10m")),
    "payments_per_account": limit(env.str("PAYMENTS_PER_ACCOUNT", default="60/10m")),
    "payments_per_address": limit(env.str("PAYMENTS_PER_ADDRESS", default="120/10m")),
    "statements_per_account": limit(env.str("STATEMENTS_PER_ACCOUNT", default="10/10m")),
    "invitations_per_account": limit(env.str("INVITATIONS_PER_ACCOUNT", default="30/1h")),
}
COUNT_IN_CACHE = bool(REDIS_URL)  # else in a table, which every database counts in one statement
AXES_LOCK_OUT_AT_FAILURE = LIMITS["failures_per_account"] is not None
AXES_FAILURE_LIMIT, _seconds = LIMITS["failures_per_account"] or (5, 15 * 60)
AXES_COOLOFF_TIME = timedelta(seconds=_seconds)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "username"  # as Django's authenticate() calls it
AXES_USERNAME_CALLABLE = "accounts.views.name_tried"
AXES_CLIENT_IP_CALLABLE = "accounts.views.address_tried_from"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
AXES_VERBOSE = False
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105  a path
PASSWORD_RESET_TIMEOUT = 60 * 60
SESSION_COOKIE_AGE = 24 * 60 * 60 + 10 * 60  # sliding_sessions moves it at most every ten minutes
SESSION_SAVE_EVERY_REQUEST = False
SESSION_IDLE_STAFF = 8 * 60 * 60  # a working day
SESSION_LONGEST = 30 * 24 * 60 * 60
SIGNED_IN_COOKIE = "signed_in"  # outlives the session, says only that there was one
CSRF_FAILURE_VIEW = "invoicing_site.error_pages.csrf_failure"
# --- Transport: behind a TLS proxy that sets X-Forwarded-Proto
PROXIES = env.int("PROXIES", default=0)  # whose X-Forwarded-For is believed; 0: nobody's
HTTPS = env.bool("HTTPS", default=SITE_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # scripts take the token from their form
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if HTTPS:  # a browser takes these from this host alone, over TLS alone, for the whole site
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = [SITE_URL] if HTTPS else []
SECURE_REFERRER_POLICY = SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # one for each order that can be chosen
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/admin/",),
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

# --- Watching from outside: /health/live, /health/ready and /metrics, from this machine or with this token
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
PROMETHEUS_EXPORT_MIGRATIONS = False

# --- Words, numbers, time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

FORMAT_MODULE_PATH = ["invoicing_site.formats"]

# --- Static files
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
EXPORTS_DIR = VAR_DIR / "exports"  # files that the worker writes for staff, each for a day
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # as they lie
    if DEBUG
    else {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
        # Its list of all files stays out of the folder that is served.
        "OPTIONS": {"manifest_storage": FileSystemStorage(location=VAR_DIR)},
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# --- Mail
_mail = env.email_url("EMAIL_URL", default=f"filemail:///{VAR_DIR / 'mail'}")
if _mail["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
    _mail["EMAIL_BACKEND"] = "invoicing_site.mail_files.EmailBackend"  # one .eml a mail
vars().update(_mail)
EMAIL_FILE_PATH = _mail.get("EMAIL_FILE_PATH", "")

# --- Payments: `sandbox` talks to payments/sandbox on PORT+1, `live` to the providers
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
PAYPAL_CLIENT_ID = env.str("PAYPAL_CLIENT_ID", default="")
PAYMENTS = env.str("PAYMENTS", default="") or ("live" if STRIPE_SECRET_KEY or PAYPAL_CLIENT_ID else "sandbox")
SANDBOX_PORT = PORT + 1
SANDBOX_DATABASE = VAR_DIR / "sandbox.sqlite3"
_sandbox = PAYMENTS == "sandbox"
_stand_in = f"http://{_name}:{SANDBOX_PORT}"


def _payments(name: str, sandbox: str, live: str = "") -> str:
    return env.str(name, default="") or (sandbox if _sandbox else live)


STRIPE_API_BASE = _payments("STRIPE_API_BASE", _stand_in, "https://api.stripe.com")
STRIPE_JS_URL = _payments("STRIPE_JS_URL", f"{_stand_in}/v3/", "https://js.stripe.com/v3/")
STRIPE_EXTRA_ORIGINS = [] if _sandbox else ["https://*.js.stripe.com", "https://hooks.stripe.com"]
STRIPE_SECRET_KEY = _payments("STRIPE_SECRET_KEY", "sk_test_sandbox")
STRIPE_PUBLISHABLE_KEY = _payments("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox")
STRIPE_WEBHOOK_SECRET = _payments("STRIPE_WEBHOOK_SECRET", "whsec_sandbox")
PAYPAL_API_BASE = _payments("PAYPAL_API_BASE", _stand_in, "https://api-m.paypal.com")
PAYPAL_JS_URL = _payments("PAYPAL_JS_URL", f"{_stand_in}/sdk/js", "https://www.paypal.com/sdk/js")
PAYPAL_EXTRA_ORIGINS = [] if _sandbox else ["https://www.paypal.com", "https://www.paypalobjects.com"]
PAYPAL_CLIENT_ID = _payments("PAYPAL_CLIENT_ID", "sandbox-client")
PAYPAL_CLIENT_SECRET = _payments("PAYPAL_CLIENT_SECRET", "sandbox-secret")
PAYPAL_WEBHOOK_ID = _payments("PAYPAL_WEBHOOK_ID", "WH-SANDBOX")
PROVIDER_TIMEOUT = env.float("PROVIDER_TIMEOUT", default=20.0)  # seconds to wait for an answer

# --- The back office's look; what it shows around a page is decided in payments/admin/sidebar.py
UNFOLD = {
    "SITE_TITLE": "payments.admin.sidebar.site_title",
    "SITE_HEADER": "payments.admin.sidebar.site_title",
    "SITE_URL": None,
    "SHOW_BACK_BUTTON": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "payments.admin.sidebar.environment",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "invoicing_site.back_office.favicon"},
    ],
    "STYLES": ["invoicing_site.back_office.stylesheet"],
    "SCRIPTS": ["invoicing_site.back_office.script"],
    "SIDEBAR": {"navigation": "payments.admin.sidebar.navigation"},
    "DASHBOARD_CALLBACK": "payments.admin.dashboard.today_page",
    "COMMAND": {"search_callback": "payments.admin.finding.command_results"},
    "ACCOUNT": {"navigation": [{"title": "Second factor", "link": "/account/second-factor/"}]},
    "COLORS": {
        "primary": {
            "50": "#eef3fb",
            "100": "#dce6f6",
            "200": "#bbcfee",
            "300": "#94b3e5",
            "400": "#8ab4f8",
            "500": "#6d9bea",
            "600": "#1d4fa8",  # the accent of the customers' pages
            "700": "#173f87",
            "800": "#133470",
            "900": "#0f2a5a",
            "950": "#0b1a33",
        }
    },
}

# --- Logs: one line of JSON an event; a readable line while DEBUG is on
LOGGING = logging_settings(readable=DEBUG)
