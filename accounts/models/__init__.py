"""Who buys and who sells: the organization, its regions, business accounts, their members and charges."""

from accounts.models.account import Account, AccountLineItem
from accounts.models.amounts import AmountInCurrency, ConfirmationLimit
from accounts.models.attempts import AttemptCount
from accounts.models.exports import Export
from accounts.models.invitations import Invitation
from accounts.models.letterhead import BankAccountChange, Logo
from accounts.models.members import Customer, CustomerToken, Membership, User
from accounts.models.notes import AccountNote
from accounts.models.organization import ExchangeRate, NumberSeries, Organization, Region

__all__ = [
    "Account",
    "AccountLineItem",
    "AccountNote",
    "AmountInCurrency",
    "AttemptCount",
    "BankAccountChange",
    "ConfirmationLimit",
    "Customer",
    "CustomerToken",
    "ExchangeRate",
    "Export",
    "Invitation",
    "Logo",
    "Membership",
    "NumberSeries",
    "Organization",
    "Region",
    "User",
]
