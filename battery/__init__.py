"""The payment path attacked by many at once, by crashes and by faults of providers: script/battery.

Each row of its table is an attack on one protection, and a negative control: the same attack with the
protection off must do harm, or the row would prove nothing. docs/battery.md tells how to read it.
"""

VIOLATIONS_SHOWN = 10
LINE = (
    "{database:<11}{row:<15}{what:<34}{runs:>6} {unit:<9}{wrong:>7}"
    "  {control:<19}{failed:<15}{seconds:>7}  {figures}"
)
HEAD = LINE.format(
    database="database",
    row="row",
    what="test",
    runs="runs",
    unit="",
    wrong="wrong",
    control="control",
    failed="failed",
    seconds="seconds",
    figures="figures",
)
