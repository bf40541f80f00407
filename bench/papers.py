"""What papers cost: one page beside WeasyPrint alone, and the memory of a process that draws thousands.

Each is a process of its own: `python -m bench.papers page ROUNDS` and `python -m bench.papers memory PDFS`
answer JSON. `bench` starts them.
"""

import json
import os
import sys
import time

import django

django.setup()

from django.template.loader import render_to_string  # noqa: E402  settings come first
from weasyprint import CSS, HTML  # noqa: E402
from weasyprint.text.fonts import FontConfiguration  # noqa: E402

from invoices.documents.fonts import ASSETS  # noqa: E402
from invoices.documents.paper import invoice_context  # noqa: E402
from invoices.documents.pdf import invoice_pdf  # noqa: E402
from tests.invoices.papers import a_line, a_paper  # noqa: E402

PAPER = a_paper(*(a_line(f"Order #175687686{number} - 2 items") for number in range(8)), currency="EUR")
JOBS, SETTLED = 4, 200  # in one round; PDFs after which memory is looked at first


def page(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of CPU and of time for an invoice of one page: from its snapshot to its PDF, archivable
    and tagged, and of WeasyPrint alone for the same HTML and style, without either."""
    html = render_to_string(
        "documents/invoice.html", invoice_context(PAPER, pay_now_url="", is_test_mode=False)
    )
    fonts = FontConfiguration()
    style = [CSS(filename=str(ASSETS / "paper.css"), font_config=fonts)]

    sides = {
        "site": lambda: invoice_pdf(PAPER, is_test_mode=False),
        "floor": lambda: HTML(string=html).write_pdf(font_config=fonts, stylesheets=style),
    }
    spent: dict[str, dict[str, list[float]]] = {side: {"cpu": [], "wall": []} for side in sides}
    for draw in sides.values():  # fonts are read once
        draw()
    for _ in range(rounds):
        for side, draw in sides.items():
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(JOBS):
                draw()
            spent[side]["cpu"].append(1000 * (time.process_time() - cpu) / JOBS)
            spent[side]["wall"].append(1000 * (time.perf_counter() - wall) / JOBS)
    return spent


def memory(pdfs: int) -> dict[str, float]:
    """Megabytes that the process holds after the first PDFs and after all, each over another invoice."""
    first = 0.0
    for number in range(1, pdfs + 1):
        lines = [
            a_line(f"Order #{number} - {line} items", 100 * number + line) for line in range(number % 5 + 1)
        ]
        invoice_pdf(a_paper(*lines, number=f"INV-2025-{number:05}", currency="EUR"), is_test_mode=False)
        if number == min(SETTLED, pdfs):
            first = _megabytes()
    return {"first": first, "last": _megabytes()}


def _megabytes() -> float:
    """What of this process is in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    print(json.dumps({"page": page, "memory": memory}[sys.argv[1]](int(sys.argv[2]))))
