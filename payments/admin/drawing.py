"""Charts as plain SVG: where each bar stands. The template draws them with attributes, without any script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.templatetags.wording import plain_money

WIDTH, HEIGHT = 720, 200
LEFT, BELOW, ABOVE = 96, 24, 12
GRID = 4


@dataclass(frozen=True)
class Part:
    """One bar, or one part of one: its place, what it says, and where its rows are."""

    label: str
    text: str
    address: str
    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Stack:
    """One bar in parts that lie side by side. Parts of nothing are left out."""

    parts: list[Part]
    rows: list[tuple[str, str, str]]  # every part as a row of the table: label, amount, address


def stack(parts: Iterable[tuple[str, int, str, str]]) -> Stack:
    """Label, amount in minor units, amount as text and address of each part, in their order."""
    rows = list(parts)
    total = sum(amount for _, amount, _, _ in rows)
    drawn, x = [], 0.0
    for place, (label, amount, text, address) in enumerate(rows):
        width = WIDTH * amount / total if total else 0
        if amount:
            drawn.append(Part(label, text, address, round(x, 2), 0, round(width, 2), 32, f"bucket-{place}"))
        x += width
    return Stack(drawn, [(label, text, address) for label, _, text, address in rows])


@dataclass(frozen=True)
class Tick:
    """A value on the axis."""

    text: str
    y: float


@dataclass(frozen=True)
class Bars:
    """Bars side by side, a group for each label, with the axis of values."""

    parts: list[Part]
    ticks: list[Tick]
    labels: list[tuple[str, float]]
    names: list[str]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


def bars(
    labels: Sequence[str], series: Sequence[tuple[str, list[tuple[int, str, str]]]], *, currency: str
) -> Bars:
    """One group of bars for each label; each value with its text and its address. Amounts in minor units."""
    top = _round_up(max((value for _, values in series for value, _, _ in values), default=0))
    room = HEIGHT - ABOVE - BELOW
    group = (WIDTH - LEFT) / len(labels)
    thick = group * 0.8 / len(series)
    drawn = []
    for number, (name, values) in enumerate(series):
        for place, (value, text, address) in enumerate(values):
            high = room * value / top if top else 0
            x, y = LEFT + group * (place + 0.1) + thick * number, ABOVE + room - high
            x, y, wide, high = (round(one, 2) for one in (x, y, thick, high))
            if value:
                label = f"{labels[place]}, {name}"
                drawn.append(Part(label, text, address, x, y, wide, high, tone=name))
    steps = [top * step // GRID for step in range(GRID + 1)] if top else [0]
    ticks = [
        Tick(plain_money(value, currency), round(ABOVE + room - room * value / (top or 1), 2))
        for value in steps
    ]
    marks = [(label, round(LEFT + group * (place + 0.5), 2)) for place, label in enumerate(labels)]
    return Bars(drawn, ticks, marks, [name for name, _ in series])


def _round_up(value: int) -> int:
    """The least 1, 2, 4 or 8 with noughts that is not below the value, so that the axis reads well."""
    if value <= 0:
        return 0
    power = 10 ** (len(str(value)) - 1)
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)
