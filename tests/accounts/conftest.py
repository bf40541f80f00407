"""What tests of accounts share."""

from tests.payments.serving import shared_database

__all__ = ["shared_database"]
