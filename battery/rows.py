"""The rows of the battery's table, and how one of them is fought."""

from dataclasses import dataclass
from pathlib import Path

from battery import crash, duels, numbering, same_session, three_sessions
from battery.ground import ENDING, Attack, Told, ground
from payments.sandbox.server import Sandbox

SIZES = ("smoke", "gate", "long")


@dataclass(frozen=True)
class Row:
    """An attack, how many rounds it has in each size, and what its negative control goes without.

    `unit` is what its rounds count. `without` are words of battery.controls, `control` the same in words."""

    name: str
    what: str
    unit: str
    attack: Attack
    without: str
    control: str
    gate: int
    long: int
    control_rounds: int

    def rounds(self, size: str) -> int:
        return {"smoke": self.gate // 10, "gate": self.gate, "long": self.long}[size]


ROWS = (
    Row(
        "same-session",
        "one session completed by many",
        "sessions",
        same_session.attack,
        without="lock move",
        control="no lock",
        gate=50,
        long=200,
        control_rounds=2,
    ),
    Row(
        "three-sessions",
        "card, PayPal and transfer at once",
        "invoices",
        three_sessions.attack,
        without="lock",
        control="no lock, no index",
        gate=50,
        long=400,
        control_rounds=2,
    ),
    Row(
        "cancel-pay",
        "cancel against pay",
        "invoices",
        duels.cancel_or_pay,
        without="lock",
        control="no lock",
        gate=50,
        long=400,
        control_rounds=3,
    ),
    Row(
        "verify-reject",
        "verify against reject and cancel",
        "promises",
        duels.verify_or_reject,
        without="lock",
        control="no lock",
        gate=50,
        long=400,
        control_rounds=3,
    ),
    Row(
        "refund-refund",
        "refunds of one payment at once",
        "payments",
        duels.refund_or_refund,
        without="lock",
        control="no lock",
        gate=50,
        long=400,
        control_rounds=3,
    ),
    Row(
        "credit-limit",
        "charges against the credit limit",
        "accounts",
        duels.charge_or_limit,
        without="lock",
        control="no lock",
        gate=50,
        long=400,
        control_rounds=3,
    ),
    Row(
        "line-item",
        "one charge on two invoices",
        "charges",
        duels.one_charge_two_invoices,
        without="lock",
        control="no lock, no index",
        gate=50,
        long=400,
        control_rounds=3,
    ),
    Row(
        "numbering",
        "numbers over a year's end",
        "invoices",
        numbering.attack,
        without="lock series",
        control="highest number + 1",
        gate=100,
        long=500,
        control_rounds=3,
    ),
    Row(
        "crash",
        "killed servers, then reconcile",
        "kills",
        crash.attack,
        without="claim",
        control="no claim row",
        gate=100,
        long=1000,
        control_rounds=6,
    ),
)


@dataclass(frozen=True)
class Fought:
    """What came of a row's attack, and of its negative control, which must have done harm."""

    row: Row
    told: Told
    control: Told
    begin: int = 0

    @property
    def reached(self) -> int:
        """The round with which a run that was ended early goes on."""
        return self.begin + self.told.runs

    @property
    def is_kept(self) -> bool:
        return not self.told.violations and bool(self.control.violations)


def fight(row: Row, sandbox: Sandbox, folder: Path, *, size: str, seed: int = 1, begin: int = 0) -> Fought:
    """Both halves, each on a copy of the database of its own; the attack begins with round `begin`."""
    with ground(sandbox, folder, seed=seed, size=size) as field:
        told = row.attack(field, range(begin, row.rounds(size)))
    with ground(sandbox, folder, seed=seed, size=size, without=row.without) as field:
        control = Told() if ENDING.is_set() else row.attack(field, range(row.control_rounds))
    return Fought(row, told, control, begin)
