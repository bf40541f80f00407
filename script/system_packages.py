"""Print the Debian packages that WeasyPrint needs and this machine lacks."""

import ctypes
import sys

LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
FONTS = {
    b"DejaVu Sans": "fonts-dejavu-core",  # signs that the bundled fonts lack
    b"Noto Sans CJK JP": "fonts-noto-cjk",  # names in Chinese, Japanese and Korean
}


def is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_font(family: bytes) -> bool:
    """Ask fontconfig, which WeasyPrint asks too: fonts may lie anywhere."""
    try:
        fontconfig = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return False
    for name in ("FcPatternCreate", "FcObjectSetCreate", "FcFontList"):
        getattr(fontconfig, name).restype = ctypes.c_void_p
    pattern = ctypes.c_void_p(fontconfig.FcPatternCreate())
    wanted = ctypes.c_void_p(fontconfig.FcObjectSetCreate())
    fontconfig.FcPatternAddString(pattern, b"family", family)
    fonts = fontconfig.FcFontList(None, pattern, wanted)
    return bool(fonts) and ctypes.c_int.from_address(fonts).value > 0  # its first field is its length


# Elsewhere the libraries have other names, and WeasyPrint itself says what it misses.
if sys.platform == "linux":
    missing = [package for library, package in LIBRARIES.items() if not is_loadable(library)]
    missing += [package for family, package in FONTS.items() if not has_font(family)]
    for package in missing:
        print(package)
