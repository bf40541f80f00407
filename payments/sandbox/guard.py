"""The one test that keeps make-believe money away from a real site."""

from collections.abc import Iterable

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "testserver"})
LIVE_KEY_PREFIXES = ("sk_live_", "rk_live_")


class OutsideSandbox(Exception):
    """This site may be talking to real customers; the text says what gave it away."""


def refuse_outside_sandbox(*, secret_key: str, payments: str, allowed_hosts: Iterable[str]) -> None:
    """Raise OutsideSandbox beside a live key, in live mode, or when ALLOWED_HOSTS is more than loopback."""
    if secret_key.strip().startswith(LIVE_KEY_PREFIXES):
        raise OutsideSandbox("STRIPE_SECRET_KEY is a live key. The sandbox never runs beside one.")
    if payments != "sandbox":
        raise OutsideSandbox(f'PAYMENTS is "{payments}". The sandbox runs only when it is "sandbox".')
    strangers = sorted(host for host in allowed_hosts if host not in LOOPBACK_NAMES)
    if strangers:
        raise OutsideSandbox(f"ALLOWED_HOSTS is more than loopback: {', '.join(strangers)}.")
