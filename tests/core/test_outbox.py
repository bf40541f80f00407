"""The outbox: every row delivered, each once, and none without its cause."""

from datetime import timedelta

import pytest
from django.db import transaction
from django_q.models import OrmQ

from core import outbox
from core.outbox import ATTEMPTS, BACK_OFF, CLAIM_LASTS, CONSUMERS, OutboxMessage, drain, enqueue
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def delivered(monkeypatch):
    """What the consumer of `note` was given."""
    notes = []
    monkeypatch.setitem(CONSUMERS, "note", lambda payload, at: notes.append((payload["n"], at)))
    return notes


def deliver_with(monkeypatch, consumer):
    monkeypatch.setitem(CONSUMERS, "note", consumer)


class OutOfOrder(Exception):
    pass


def fail(payload, at):
    raise OutOfOrder("with sk_live_secret in its text")


def test_a_message_is_delivered_once(delivered):
    message = enqueue("note", {"n": 1}, at=NOW)
    assert (message.status, message.not_before, message.attempts) == ("waiting", NOW, 0)
    assert drain(at=NOW) == 1
    assert drain(at=NOW + timedelta(days=1)) == 0
    assert delivered == [(1, NOW)]
    message.refresh_from_db()
    assert (message.status, message.done_at, message.attempts) == ("done", NOW, 1)


def test_oldest_first_and_no_more_than_asked(delivered):
    for n in range(5):
        enqueue("note", {"n": n}, at=NOW)
    assert drain(at=NOW, limit=3) == 3
    assert [n for n, _ in delivered] == [0, 1, 2]
    assert drain(at=NOW) == 2


def test_a_delayed_message_waits(delivered):
    enqueue("note", {"n": 1}, at=NOW, delay=timedelta(minutes=3))
    assert drain(at=NOW + timedelta(minutes=3) - SECOND) == 0
    assert drain(at=NOW + timedelta(minutes=3)) == 1


def test_a_message_that_is_being_delivered_is_not_taken_by_another_worker(monkeypatch):
    notes = []

    def slow(payload, at):
        notes.append(payload["n"])
        assert drain(at=at) == 0  # the other worker, meanwhile

    deliver_with(monkeypatch, slow)
    enqueue("note", {"n": 1}, at=NOW)
    assert drain(at=NOW) == 1
    assert notes == [1]


def test_a_failed_delivery_is_tried_again_ever_more_rarely_and_given_up_at_last(monkeypatch):
    deliver_with(monkeypatch, fail)
    message = enqueue("note", {"n": 1}, at=NOW)
    at, waits = NOW, []
    for attempt in range(1, ATTEMPTS + 1):
        assert drain(at=at) == 0
        message.refresh_from_db()
        assert message.attempts == attempt
        waits.append(message.not_before - at)
        assert drain(at=message.not_before - SECOND) == 0
        at = message.not_before
    assert tuple(waits[:4]) == BACK_OFF
    assert set(waits[4:]) == {BACK_OFF[-1]}
    assert (message.status, message.last_error) == ("failed", "OutOfOrder")
    drain(at=at + timedelta(days=30))
    message.refresh_from_db()
    assert message.attempts == ATTEMPTS


def test_a_failure_does_not_keep_back_the_others(monkeypatch, delivered):
    monkeypatch.setitem(CONSUMERS, "broken", fail)
    enqueue("broken", {}, at=NOW)
    enqueue("nobody's", {}, at=NOW)
    enqueue("note", {"n": 3}, at=NOW)
    assert drain(at=NOW) == 1
    assert delivered == [(3, NOW)]
    states = OutboxMessage.objects.values_list("kind", "status", "last_error")
    assert list(states) == [
        ("broken", "waiting", "OutOfOrder"),
        ("nobody's", "waiting", "KeyError"),
        ("note", "done", ""),
    ]


def test_what_failed_once_is_delivered_the_next_time(monkeypatch):
    deliver_with(monkeypatch, fail)
    message = enqueue("note", {"n": 1}, at=NOW)
    drain(at=NOW)
    notes = []
    deliver_with(monkeypatch, lambda payload, at: notes.append(payload["n"]))
    assert drain(at=NOW + BACK_OFF[0]) == 1
    message.refresh_from_db()
    assert (message.status, message.last_error, message.attempts, notes) == ("done", "", 2, [1])


def test_the_claim_of_a_worker_that_died_is_taken_again(monkeypatch, delivered):
    def die(payload, at):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        deliver_with(dying, die)
        message = enqueue("note", {"n": 1}, at=NOW)
        with pytest.raises(KeyboardInterrupt):
            drain(at=NOW)
    message.refresh_from_db()
    assert (message.status, message.not_before) == ("working", NOW + CLAIM_LASTS)
    assert drain(at=NOW + CLAIM_LASTS - SECOND) == 0
    assert drain(at=NOW + CLAIM_LASTS) == 1
    assert delivered == [(1, NOW + CLAIM_LASTS)]
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("done", 2)


@pytest.fixture
def clock(monkeypatch):
    """Minutes that pass while messages are delivered; `clock(2)` lets two of them pass."""
    minutes = [0.0]
    monkeypatch.setattr("core.outbox.monotonic", lambda: minutes[0] * 60)

    def run(count):
        minutes[0] += count

    return run


def test_a_drain_ends_while_its_claims_hold(monkeypatch, clock):
    """Claims count from the drain's beginning: what it took later would be another worker's too."""
    delivered = []

    def slow(payload, at):
        delivered.append(payload["n"])
        clock(1)

    deliver_with(monkeypatch, slow)
    for n in range(5):
        enqueue("note", {"n": n}, at=NOW)
    assert drain(at=NOW) == 3
    assert delivered == [0, 1, 2]
    waiting = OutboxMessage.objects.filter(status="waiting")
    assert list(waiting.values_list("payload__n", "attempts", "not_before")) == [(3, 0, NOW), (4, 0, NOW)]
    assert drain(at=NOW + timedelta(minutes=3)) == 2
    assert delivered == [0, 1, 2, 3, 4]


def test_a_drain_at_the_end_of_a_long_pass_takes_nothing(delivered, clock):
    """The pass began at NOW and looked at slow providers: claims that count from NOW are over already."""
    begun = outbox.monotonic()
    clock(6)
    enqueue("note", {"n": 1}, at=NOW)
    assert drain(at=NOW, begun=begun) == 0
    assert drain(at=NOW + timedelta(minutes=6)) == 1
    assert delivered == [(1, NOW + timedelta(minutes=6))]


def test_a_worker_that_took_too_long_does_not_speak_for_the_next_claim(monkeypatch):
    """The first worker is slow, the second takes the message over and fails: it must be tried again."""

    def slow_then_broken(payload, at):
        if at == NOW:
            drain(at=NOW + CLAIM_LASTS)
        else:
            raise OutOfOrder

    deliver_with(monkeypatch, slow_then_broken)
    message = enqueue("note", {"n": 1}, at=NOW)
    drain(at=NOW)
    message.refresh_from_db()
    assert (message.status, message.attempts, message.done_at) == ("waiting", 2, None)


def test_the_worker_s_door_reads_the_clock(delivered, time_machine):
    time_machine.move_to(NOW, tick=False)
    enqueue("note", {"n": 1}, at=NOW)
    assert outbox.drain_now() == 1
    assert delivered == [(1, NOW)]


@transaction.atomic
def undone():
    enqueue("note", {"n": 1}, at=NOW)
    raise OutOfOrder


@pytest.mark.django_db(transaction=True)
def test_invariant_24_a_message_exists_if_and_only_if_its_cause_committed():
    with pytest.raises(OutOfOrder):
        undone()
    assert (OutboxMessage.objects.count(), OrmQ.objects.count()) == (0, 0)
    with transaction.atomic():
        enqueue("note", {"n": 2}, at=NOW)
        enqueue("note", {"n": 3}, at=NOW)
        assert OrmQ.objects.count() == 0  # the worker is not woken before it could see them
    assert list(OutboxMessage.objects.values_list("payload__n", flat=True)) == [2, 3]
    assert [task.func() for task in OrmQ.objects.all()] == ["core.outbox.drain_now"]


@pytest.mark.django_db(transaction=True)
def test_invariant_24_a_savepoint_that_is_undone_takes_its_message_along_and_leaves_the_wake_up():
    with transaction.atomic():
        with pytest.raises(OutOfOrder):
            undone()
        enqueue("note", {"n": 2}, at=NOW)
    assert list(OutboxMessage.objects.values_list("payload__n", flat=True)) == [2]
    assert OrmQ.objects.count() == 1
