"""A paper that costs nothing to draw: what is attacked is the payment path."""

from collections.abc import Mapping
from typing import Any


def no_pdf(
    paper: Mapping[str, Any], *, pay_now_url: str = "", is_test_mode: bool = False, is_draft: bool = False
) -> bytes:
    return f"%PDF- {paper['number']} {pay_now_url}".encode()
