"""The back office of organization and people. `base`, `columns` and `confirming` are what every
app's admin is made of."""

from accounts.admin import members, merchant, people

__all__ = ["members", "merchant", "people"]
