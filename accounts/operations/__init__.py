"""Everything that writes to accounts."""

from accounts.operations.charging import add_charge, charge, mark_billed, settle_line_items, worth_in
from accounts.operations.confirming import confirmation_limit, require_confirmed
from accounts.operations.editing import change_credit_limit, remove_master_data, save_master_data
from accounts.operations.exporting import (
    AT_ONCE,
    begin_export,
    fail_export,
    file_of,
    own_export,
    remove_old_exports,
    write_export,
)
from accounts.operations.inviting import (
    accept_invitation,
    find_invitation,
    invite_member,
    send_invitation,
    send_invitation_again,
    withdraw_invitation,
    withdrawable,
)
from accounts.operations.letterheads import (
    BankAccount,
    ask_for_bank_account,
    decidable_bank_account,
    decide_on_bank_account,
    may_ask,
    remove_logo,
    set_logo,
)
from accounts.operations.letters import Letter, Words, words_for, write_invitation, write_letter
from accounts.operations.limiting import count_attempts, count_payment_attempt, too_many, wait_for
from accounts.operations.links import open_link, sign_link
from accounts.operations.locking import locked_account
from accounts.operations.membering import (
    change_member,
    removable,
    remove_member,
    revoke_member_token,
    token_of_member,
)
from accounts.operations.numbering import allot_number
from accounts.operations.opening import open_account
from accounts.operations.passwords import ask_for_password_reset, send_password_reset, set_password
from accounts.operations.restoring import Skipped, skip_lost_numbers, skipped_in
from accounts.operations.rights import acting, required
from accounts.operations.second_factors import note_second_factor, reset_second_factor
from accounts.operations.suspending import (
    add_note,
    resumable,
    resume_account,
    suspend_account,
    suspendable,
)
from accounts.operations.tokens import (
    create_token,
    customer_for_token,
    customer_for_user,
    new_token,
    regenerate_token,
    revoke_token,
)

__all__ = [
    "AT_ONCE",
    "BankAccount",
    "Letter",
    "Skipped",
    "Words",
    "accept_invitation",
    "acting",
    "add_charge",
    "add_note",
    "allot_number",
    "ask_for_bank_account",
    "ask_for_password_reset",
    "begin_export",
    "change_credit_limit",
    "change_member",
    "charge",
    "confirmation_limit",
    "count_attempts",
    "count_payment_attempt",
    "create_token",
    "customer_for_token",
    "customer_for_user",
    "decidable_bank_account",
    "decide_on_bank_account",
    "fail_export",
    "file_of",
    "find_invitation",
    "invite_member",
    "locked_account",
    "mark_billed",
    "may_ask",
    "new_token",
    "note_second_factor",
    "open_account",
    "open_link",
    "own_export",
    "regenerate_token",
    "removable",
    "remove_logo",
    "remove_master_data",
    "remove_member",
    "remove_old_exports",
    "require_confirmed",
    "required",
    "reset_second_factor",
    "resumable",
    "resume_account",
    "revoke_member_token",
    "revoke_token",
    "save_master_data",
    "send_invitation",
    "send_invitation_again",
    "send_password_reset",
    "set_logo",
    "set_password",
    "settle_line_items",
    "sign_link",
    "skip_lost_numbers",
    "skipped_in",
    "suspend_account",
    "suspendable",
    "token_of_member",
    "too_many",
    "wait_for",
    "withdraw_invitation",
    "withdrawable",
    "words_for",
    "worth_in",
    "write_export",
    "write_invitation",
    "write_letter",
]
