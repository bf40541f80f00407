"""Print the Debian packages that WeasyPrint needs and this machine lacks."""

import ctypes
import sys

LIBRARIES = {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
FONT = "fonts-dejavu-core"


def is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_a_font() -> bool:
    """Ask fontconfig, which WeasyPrint asks too: fonts may lie anywhere."""
    try:
        fontconfig = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return False
    fontconfig.FcConfigGetFonts.restype = ctypes.POINTER(ctypes.c_int)
    fontconfig.FcConfigGetFonts.argtypes = [ctypes.c_void_p, ctypes.c_int]
    fonts = fontconfig.FcConfigGetFonts(None, 0)
    return bool(fonts) and fonts[0] > 0  # the set's first field is its length


# Elsewhere the libraries have other names, and WeasyPrint itself says what it misses.
if sys.platform == "linux":
    missing = [package for library, package in LIBRARIES.items() if not is_loadable(library)]
    if not has_a_font():
        missing.append(FONT)
    for package in missing:
        print(package)
