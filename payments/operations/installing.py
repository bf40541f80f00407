"""Which ways to pay this installation has."""

from payments.models import PaymentProvider
from payments.providers import PROVIDERS


def install_providers() -> None:
    """A row for each provider of the table, after every migration. Staff say in which regions each is
    offered; one that is there already is left as it is."""
    for position, provider in enumerate(PROVIDERS.values()):
        PaymentProvider.objects.get_or_create(
            code=provider.code, defaults={"name": provider.label, "position": position}
        )
