"""Everything the sandbox remembers: objects, answers already given, events to send, and money that moved."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL,
    parent TEXT NOT NULL, created REAL NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (kind, parent);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, created);
CREATE TABLE IF NOT EXISTS answers (
    scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, at REAL NOT NULL,
    status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (scope, key));
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, provider TEXT NOT NULL,
    type TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, kind TEXT NOT NULL,
    reference TEXT NOT NULL, transaction_id TEXT UNIQUE NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, at REAL NOT NULL);
"""
EVENTS = "SELECT id, provider, type, at, body, state, attempts FROM events"


class LedgerEntry(NamedTuple):
    """Money that moved: `reference` is the intent or order, `transaction` the charge, capture or refund,
    or what moved of a dispute."""

    provider: str
    kind: str  # capture | refund | chargeback | reinstated
    reference: str
    transaction: str
    amount: int
    currency: str
    at: float


class StoredEvent(NamedTuple):
    id: str
    provider: str
    type: str
    at: float
    body: str
    state: str  # unsent (nobody listened) | queued | delivered | abandoned
    attempts: int


class StoredAnswer(NamedTuple):
    fingerprint: str
    at: float
    status: int
    headers: dict[str, str]
    body: bytes


class Store:
    """One SQLite connection behind one lock: a transaction is never interleaved with another."""

    def __init__(self, database: str | Path) -> None:
        if str(database) != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.is_heard: Callable[[], bool] = lambda: False  # whether new events have an address to go to
        self.on_events: Callable[[list[str]], None] = lambda ids: None  # told of those after the commit
        self._depth = 0
        self._new_events: list[str] = []
        self._db = sqlite3.connect(database, isolation_level=None, check_same_thread=False, timeout=20)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(TABLES)

    def close(self) -> None:
        with self.lock:
            self._db.close()

    def clear(self) -> None:
        """Forget everything: as if nothing had ever been asked."""
        with self.transaction():
            for table in ("objects", "answers", "events", "ledger"):
                self._rows(f"DELETE FROM {table}")  # noqa: S608 - our own names

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time. Inside another transaction an error undoes the inner part alone."""
        with self.lock:
            inner, events_before = self._depth > 0, len(self._new_events)
            self._db.execute(f"SAVEPOINT level{self._depth}" if inner else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                self._db.execute(f"ROLLBACK TO level{self._depth}" if inner else "ROLLBACK")
                del self._new_events[events_before:]
                raise
            self._depth -= 1
            if inner:
                return
            self._db.execute("COMMIT")
            new_events, self._new_events = self._new_events, []
        if new_events:
            self.on_events(new_events)

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.lock:
            return self._db.execute(sql, values).fetchall()

    # Objects

    def put(self, kind: str, thing: dict[str, Any], *, at: float, parent: str = "") -> None:
        """Store an object by its id; an existing one keeps its place, its parent and its creation time."""
        self._rows(
            "INSERT INTO objects (id, kind, parent, created, body) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            *(thing["id"], kind, parent, at, json.dumps(thing)),
        )

    def get(self, kind: str, object_id: str) -> dict[str, Any] | None:
        rows = self._rows("SELECT body FROM objects WHERE id = ? AND kind = ?", object_id, kind)
        return json.loads(rows[0][0]) if rows else None

    def forget(self, kind: str, object_id: str) -> None:
        self._rows("DELETE FROM objects WHERE id = ? AND kind = ?", object_id, kind)

    def defer(self, kind: str, object_id: str, *, shown_by: str, lookups: int, at: float) -> None:
        """Remember what was accepted and is not done yet: so many lookups of what shows it bring it about."""
        waiting = {"of": object_id, "kind": kind, "shown_by": shown_by, "lookups": lookups}
        self.put("deferral", {"id": f"deferral-{object_id}", **waiting}, at=at)

    def anything(self, object_id: str) -> dict[str, Any] | None:
        rows = self._rows("SELECT body FROM objects WHERE id = ?", object_id)
        return json.loads(rows[0][0]) if rows else None

    def children(self, kind: str, parent: str) -> list[dict[str, Any]]:
        """Oldest first."""
        rows = self._rows("SELECT body FROM objects WHERE kind = ? AND parent = ? ORDER BY seq", kind, parent)
        return [json.loads(row[0]) for row in rows]

    def newest(self, kind: str, *, since: float = 0, until: float = 1e12) -> list[dict[str, Any]]:
        """Newest first, created from `since` to `until`, both included."""
        rows = self._rows(
            "SELECT body FROM objects WHERE kind = ? AND created BETWEEN ? AND ? ORDER BY seq DESC",
            *(kind, since, until),
        )
        return [json.loads(row[0]) for row in rows]

    # Answers already given

    def answer(self, scope: str, key: str) -> StoredAnswer | None:
        rows = self._rows(
            "SELECT fingerprint, at, status, headers, body FROM answers WHERE scope = ? AND key = ?",
            scope,
            key,
        )
        if not rows:
            return None
        fingerprint, at, status, headers, body = rows[0]
        return StoredAnswer(fingerprint, at, status, json.loads(headers), body)

    def keep_answer(self, scope: str, key: str, given: StoredAnswer) -> None:
        self._rows(
            "INSERT OR REPLACE INTO answers (scope, key, fingerprint, at, status, headers, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(scope, key, given.fingerprint, given.at, given.status, json.dumps(given.headers), given.body),
        )

    # Events

    def record_event(self, provider: str, event: dict[str, Any], *, type: str, at: float) -> None:
        """Part of the transaction that caused it; its delivery starts after the commit."""
        heard = self.is_heard()
        body = json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        self._rows(
            "INSERT INTO events (id, provider, type, at, body, state) VALUES (?, ?, ?, ?, ?, ?)",
            *(event["id"], provider, type, at, body, "queued" if heard else "unsent"),
        )
        if heard:
            self._new_events.append(event["id"])

    def events(self, *, state: str = "") -> list[StoredEvent]:
        """Oldest first."""
        return [
            StoredEvent(*row) for row in self._rows(f"{EVENTS} WHERE ? IN ('', state) ORDER BY seq", state)
        ]

    def event(self, event_id: str) -> StoredEvent:
        rows = self._rows(f"{EVENTS} WHERE id = ?", event_id)
        if not rows:
            raise KeyError(event_id)
        return StoredEvent(*rows[0])

    def mark_event(self, event_id: str, state: str, *, attempted: int = 0) -> None:
        self._rows(
            "UPDATE events SET state = ?, attempts = attempts + ? WHERE id = ?", state, attempted, event_id
        )

    # Money

    def book(self, entry: LedgerEntry) -> None:
        self._rows(
            "INSERT INTO ledger (provider, kind, reference, transaction_id, amount, currency, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            *entry,
        )

    def ledger(self) -> list[LedgerEntry]:
        """Oldest first."""
        rows = self._rows(
            "SELECT provider, kind, reference, transaction_id, amount, currency, at FROM ledger ORDER BY seq"
        )
        return [LedgerEntry(*row) for row in rows]
