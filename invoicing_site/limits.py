"""How limits are written in the environment: `60/10m` is sixty in ten minutes, `off` is no limit."""

import re

SECONDS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
WRITTEN = re.compile(r"([1-9]\d*)/([1-9]\d*)([smhd])")

Limit = tuple[int, int] | None  # how many, in how many seconds


def limit(text: str) -> Limit:
    """Refuses what is neither a limit nor `off`."""
    if text.strip().lower() == "off":
        return None
    written = WRITTEN.fullmatch(text.strip())
    if written is None:
        raise ValueError(f"{text!r} is not a limit such as 60/10m (s, m, h or d), nor off")
    return int(written[1]), int(written[2]) * SECONDS[written[3]]
