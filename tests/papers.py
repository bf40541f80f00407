"""A paper that costs nothing to draw, for tests that are not about papers."""

import json


def cheap_pdf(paper, *, pay_now_url="", is_test_mode=False, is_draft=False):
    """The facts as they came, in an order that is always the same."""
    return b"%PDF-" + json.dumps([paper, pay_now_url, is_test_mode], sort_keys=True).encode()
