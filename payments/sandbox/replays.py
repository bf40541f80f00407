"""Idempotency keys: the same question gets the same answer, and moves money once."""

import hashlib
import threading
from collections.abc import Callable

from payments.sandbox.store import Store, StoredAnswer
from payments.sandbox.wire import Answer, Call, Refused


class KeyMisused(Exception):
    """The key was already used for another request."""


class KeyInUse(Exception):
    """A request with this key is being worked on right now."""


class Replays:
    """Answers live in the store, in one transaction with their effect; calls under way only in memory.

    So a process that dies in between has neither effect nor answer, and the next one starts clean.
    """

    def __init__(self, store: Store, scope: str, *, lifetime: float, keeps: Callable[[Answer], bool]) -> None:
        self.store, self.scope, self.lifetime, self.keeps = store, scope, lifetime, keeps
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    def once(self, key: str, call: Call, act: Callable[[], Answer]) -> tuple[Answer, bool]:
        """The answer, and whether it is a replay. Without a key the action simply runs."""
        if not key:
            return self._run(act), False
        with self._lock:
            if key in self._under_way:
                raise KeyInUse
            self._under_way.add(key)
        try:
            with self.store.transaction():
                return self._answer(key, call, act)
        finally:
            with self._lock:
                self._under_way.discard(key)

    def knows(self, key: str) -> bool:
        return self.store.answer(self.scope, key) is not None

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        """Answer this to the same request from now on, whatever came of it."""
        kept = StoredAnswer(_fingerprint(call), call.at, answer.status, answer.headers, answer.body)
        self.store.keep_answer(self.scope, key, kept)

    def _answer(self, key: str, call: Call, act: Callable[[], Answer]) -> tuple[Answer, bool]:
        given = self.store.answer(self.scope, key)
        if given and given.at + self.lifetime > call.at:
            if given.fingerprint != _fingerprint(call):
                raise KeyMisused
            return Answer(given.status, given.body, given.headers), True
        answer = self._run(act)
        if self.keeps(answer):
            self.keep(key, call, answer)
        return answer, False

    def _run(self, act: Callable[[], Answer]) -> Answer:
        try:
            with self.store.transaction():
                return act()
        except Refused as refusal:  # which undid whatever the action had written
            return refusal.answer


def _fingerprint(call: Call) -> str:
    return hashlib.sha256(f"{call.method} {call.path}\n".encode() + call.body).hexdigest()
