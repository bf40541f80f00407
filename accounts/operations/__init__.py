"""Everything that writes to accounts."""

from accounts.operations.charging import add_charge, charge, settle_line_items, worth_in
from accounts.operations.editing import change_credit_limit, remove_master_data, save_master_data
from accounts.operations.inviting import (
    accept_invitation,
    find_invitation,
    invite_member,
    send_invitation,
    send_invitation_again,
    withdraw_invitation,
)
from accounts.operations.letters import Letter, Words, words_for, write_invitation, write_letter
from accounts.operations.limiting import count_attempts, count_payment_attempt, too_many, wait_for
from accounts.operations.links import open_link, sign_link
from accounts.operations.locking import locked_account
from accounts.operations.membering import (
    change_member,
    remove_member,
    revoke_member_token,
    token_of_member,
)
from accounts.operations.numbering import allot_number
from accounts.operations.opening import open_account
from accounts.operations.passwords import ask_for_password_reset, send_password_reset, set_password
from accounts.operations.restoring import Skipped, skip_lost_numbers, skipped_in
from accounts.operations.rights import acting
from accounts.operations.second_factors import note_second_factor, reset_second_factor
from accounts.operations.tokens import (
    create_token,
    customer_for_token,
    customer_for_user,
    new_token,
    regenerate_token,
    revoke_token,
)

__all__ = [
    "Letter",
    "Skipped",
    "Words",
    "accept_invitation",
    "acting",
    "add_charge",
    "allot_number",
    "ask_for_password_reset",
    "change_credit_limit",
    "change_member",
    "charge",
    "count_attempts",
    "count_payment_attempt",
    "create_token",
    "customer_for_token",
    "customer_for_user",
    "find_invitation",
    "invite_member",
    "locked_account",
    "new_token",
    "note_second_factor",
    "open_account",
    "open_link",
    "regenerate_token",
    "remove_master_data",
    "remove_member",
    "reset_second_factor",
    "revoke_member_token",
    "revoke_token",
    "save_master_data",
    "send_invitation",
    "send_invitation_again",
    "send_password_reset",
    "set_password",
    "settle_line_items",
    "sign_link",
    "skip_lost_numbers",
    "skipped_in",
    "token_of_member",
    "too_many",
    "wait_for",
    "withdraw_invitation",
    "words_for",
    "worth_in",
    "write_invitation",
    "write_letter",
]
