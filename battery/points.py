"""Points at which a server can be made to kill itself. The battery arms one of them by a file; a process that
passes the point takes the file away and kills the server's main process and itself, without a word."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from battery.controls import everywhere
from core import outbox
from payments.operations import booking, claiming, completing, events, settling
from payments.providers import PROVIDERS

BEFORE_CLAIM = "before the claim"
CLAIM_OPEN = "claim not committed"
CLAIMED = "claim committed"
LOOKED_UP = "capture not asked for"
QUESTION_LOST = "question lost"  # the sandbox sees to these two: the process dies while it waits
ANSWER_LOST = "answer lost"
CAPTURED = "capture answered"
BOOKING_OPEN = "booking not committed"
SETTLED = "settled, not told"
EVENT_STORED = "event stored, not told"
DELIVERING = "delivery begun"
DELIVERED = "delivered, not noted"
POINTS = (
    *(BEFORE_CLAIM, CLAIM_OPEN, CLAIMED, LOOKED_UP, QUESTION_LOST, ANSWER_LOST, CAPTURED),
    *(BOOKING_OPEN, SETTLED, EVENT_STORED, DELIVERING, DELIVERED),
)

PLACES = (
    (completing, "_claim", BEFORE_CLAIM, CLAIMED),
    (claiming, "claim", "", CLAIM_OPEN),
    (booking, "book", "", BOOKING_OPEN),
    (settling, "settle", "", SETTLED),
    (events, "receive_event", "", EVENT_STORED),
)


class Trap:
    """A folder in which the battery arms a point, and learns that a process died there."""

    def __init__(self, folder: Path) -> None:
        self.armed, self.fired, self.caller = folder / "armed", folder / "fired", folder / "caller"

    def arm(self, point: str) -> None:
        self.fired.unlink(missing_ok=True)
        written = self.armed.with_suffix(".new")
        written.write_text(point)
        written.rename(self.armed)

    def disarm(self) -> bool:
        """Whether a process died since it was armed."""
        self.armed.unlink(missing_ok=True)
        return self.fired.exists()

    def is_armed(self, point: str) -> bool:
        try:
            return self.armed.read_text() == point
        except FileNotFoundError:
            return False

    def kill(self, *pids: int) -> None:
        """Once: of two who pass an armed point together, one takes the file."""
        try:
            self.armed.rename(self.fired)
        except FileNotFoundError:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_caller(self) -> None:
        """The server that asked for a capture last."""
        self.kill(*map(int, self.caller.read_text().split()))

    def passed(self, point: str) -> None:
        if point and self.is_armed(point):
            self.kill(os.getppid(), os.getpid())


@contextmanager
def placed(trap: Trap) -> Iterator[None]:
    """Put the points into this process."""

    def around(act: Callable[..., Any], before: str = "", after: str = "") -> Callable[..., Any]:
        def surrounded(*args: Any, **kwargs: Any) -> Any:
            trap.passed(before)
            answer = act(*args, **kwargs)
            trap.passed(after)
            return answer

        return surrounded

    def named(capture: Callable[..., Any]) -> Callable[..., Any]:
        def told(*args: Any, **kwargs: Any) -> Any:
            trap.caller.write_text(f"{os.getppid()} {os.getpid()}")
            return capture(*args, **kwargs)

        return told

    with ExitStack() as stack:
        for home, name, before, after in PLACES:
            passing = around(getattr(home, name), before, after)
            stack.enter_context(everywhere(home, name, passing))
        for provider in PROVIDERS.values():
            capture = around(named(provider.capture), LOOKED_UP, CAPTURED)
            stack.enter_context(patch.object(provider, "capture", capture))
        delivering = {kind: around(act, DELIVERING, DELIVERED) for kind, act in outbox.CONSUMERS.items()}
        stack.enter_context(patch.dict(outbox.CONSUMERS, delivering))
        yield
