"""The back office of accounts. `base`, `columns` and `confirming` are what every app's admin is made of."""

from accounts.admin import ledger, merchant, people

__all__ = ["ledger", "merchant", "people"]
