"""The fonts of documents: Noto Sans comes along, Chinese, Japanese and Korean are the system's."""

import ctypes
import ctypes.util
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
FONTS = tuple(
    ASSETS / "fonts" / f"{family}-{weight}.ttf"
    for family in ("NotoSans", "NotoSansArabic", "NotoSansHebrew")
    for weight in ("Regular", "Bold")
)
SYSTEM_FONT = "Noto Sans CJK JP"  # knows the forms of all three languages


def missing_bundled_fonts() -> list[str]:
    """The files that should have come along and did not."""
    return [font.name for font in FONTS if not font.is_file()]


def has_system_font() -> bool:
    """Ask fontconfig, which WeasyPrint asks too."""
    library = ctypes.util.find_library("fontconfig")
    if library is None:
        return False
    fontconfig = ctypes.CDLL(library)
    for name in ("FcPatternCreate", "FcObjectSetCreate", "FcFontList"):
        getattr(fontconfig, name).restype = ctypes.c_void_p
    pattern = ctypes.c_void_p(fontconfig.FcPatternCreate())
    wanted = ctypes.c_void_p(fontconfig.FcObjectSetCreate())
    fontconfig.FcPatternAddString(pattern, b"family", SYSTEM_FONT.encode())
    fonts = fontconfig.FcFontList(None, pattern, wanted)
    return bool(fonts) and ctypes.c_int.from_address(fonts).value > 0  # its first field is its length
