"""Bank transfer and other payments that staff verify. A completed session here is a promise, not money."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from moneyed import Money

from core.money import format_minor, to_minor
from payments.providers.base import (
    BadSignature,
    CspOrigins,
    Observation,
    Opened,
    ProviderEvent,
    ProviderRefused,
    Refunded,
    State,
    Transaction,
)


class Manual:
    """The payer quotes our reference; nothing is called."""

    code = "pp_system_default"
    label = "Bank transfer"
    hint = "Counts as paid once we have checked it"
    is_promise = True

    def is_configured(self) -> bool:
        return True

    def is_live(self) -> bool:
        return False

    def csp_origins(self) -> CspOrigins:
        return CspOrigins()

    def script_url(self, *, currency: str) -> str:
        """The payment page needs no script of anybody's."""
        return ""

    def open(self, *, amount: Money, key: str, metadata: dict[str, str], return_url: str) -> Opened:
        """The instructions: how much, to whom, and the reference to quote."""
        total = format_minor(to_minor(amount), amount.currency.code)
        reference = metadata["reference"]
        instructions = (
            f"Transfer {total} to {metadata['payee']} and quote {reference}. "
            "The invoice counts as paid once we have verified your payment."
        )
        return Opened(reference=reference, data={"instructions": instructions, "reference": reference})

    def capture(self, *, reference: str, amount: Money, key: str) -> Observation:
        return self.lookup(reference=reference)

    def lookup(self, *, reference: str) -> Observation:
        """Nothing can be looked up: only staff see the bank account."""
        return Observation(state=State.PENDING, reference=reference, status="manual_pending")

    def cancel(self, *, reference: str, key: str) -> Observation:
        """Nothing was opened anywhere, so nothing is left to be paid."""
        return Observation(state=State.FAILED, reference=reference, status="canceled")

    def refund(self, *, reference: str, amount: Money, key: str) -> Refunded:
        raise ProviderRefused("Bank transfer: staff send the money back themselves")

    def refunds(self, *, reference: str) -> list[Refunded]:
        return []

    def transactions(self, *, since: datetime, until: datetime) -> Iterator[Transaction]:
        """Only staff see the bank account."""
        return iter(())

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        raise BadSignature("Bank transfers send no webhooks")
