"""How days and instants are written where a page does not say: `3 Oct 2025`, `3 Oct 2025, 14:03`."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
