"""What a PDF is below what it says: its structure, its fonts, what is drawn outside the tags."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf
from fontTools.ttLib import TTFont

SHOWS = ("Tj", "TJ", "'", '"')


class Pdf:
    """A PDF that is opened once and asked several things."""

    def __init__(self, content: bytes) -> None:
        self.file = pikepdf.open(BytesIO(content))
        self.root = self.file.Root
        self.metadata = self.root.Metadata.read_bytes().decode()

    def faults(self) -> list[str]:
        """What qpdf finds wrong with the file."""
        return list(self.file.check_pdf_syntax())

    def fonts(self) -> dict[str, TTFont | None]:
        """The fonts of all pages by their full names, as they are embedded; None for one that is not."""
        return {str(font.BaseFont): _embedded(font) for page in self.file.pages for font in _fonts(page)}

    def boxes(self) -> int:
        """How many signs are drawn as a box, for want of a font that has them: the first sign of a font is
        its box, and a number that the font does not have is shown as it."""
        most = {name: font["maxp"].numGlyphs for name, font in self.fonts().items() if font}
        return sum(
            not 0 < sign < most[font]
            for page in self.file.pages
            for font, sign, _ in _signs(page)
            if font in most
        )

    def untagged(self) -> int:
        """How many signs stand neither in the tag tree nor in what readers are told to leave out."""
        return sum(not is_marked for page in self.file.pages for _, _, is_marked in _signs(page))

    def modules(self) -> set[tuple[int, int]]:
        """The dark modules of the QR code by column and row, its quiet zone included."""
        places = (place for page in self.file.pages for kind, place in _squares(page) if kind == "/Figure")
        return {(round(x), round(y)) for x, y in places} - {(0, 0)}  # where its pen begins


def _fonts(page: pikepdf.Page) -> Iterator[Any]:
    yield from page.Resources.Font.values()


def _embedded(font: Any) -> TTFont | None:
    descriptor = font.DescendantFonts[0].FontDescriptor
    found = descriptor.get("/FontFile2") or descriptor.get("/FontFile3")
    return TTFont(BytesIO(found.read_bytes())) if found is not None else None


def _signs(page: pikepdf.Page) -> Iterator[tuple[str, int, bool]]:
    """Each sign that a page shows: its font's name, its number there, whether it is marked as content."""
    names = {key: str(font.BaseFont) for key, font in page.Resources.Font.items()}
    font, depth = "", 0
    for instruction in pikepdf.parse_content_stream(page):
        step, operands = str(instruction.operator), instruction.operands
        if step == "Tf":
            font = names[str(operands[0])]
        elif step in ("BDC", "BMC"):
            depth += 1
        elif step == "EMC":
            depth -= 1
        elif step in SHOWS:
            for sign in _numbers(operands[0]):
                yield font, sign, depth > 0


def _numbers(shown: Any) -> Iterator[int]:
    """The numbers of the signs in a string, or in a list of strings and distances."""
    for part in shown if isinstance(shown, pikepdf.Array) else [shown]:
        if isinstance(part, pikepdf.String):
            two = bytes(part)
            yield from (int.from_bytes(two[at : at + 2]) for at in range(0, len(two), 2))


def _squares(page: pikepdf.Page) -> Iterator[tuple[str, tuple[float, float]]]:
    """Where each path of a page begins, and the tag that it stands in."""
    within: list[str] = []
    for instruction in pikepdf.parse_content_stream(page):
        step, operands = str(instruction.operator), instruction.operands
        if step in ("BDC", "BMC"):
            within.append(str(operands[0]))
        elif step == "EMC":
            within.pop()
        elif step == "m" and within:
            yield within[-1], (float(operands[0]), float(operands[1]))
