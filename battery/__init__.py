"""The payment path attacked by many at once, by crashes and by faults of providers: script/battery.

Each row of its table is an attack on one protection, and a negative control: the same attack with the
protection off must do harm, or the row would prove nothing. docs/battery.md tells how to read it.
"""

HEAD = (
    f"{'database':<11}{'row':<15}{'test':<34}{'runs':>6} {'':<9}{'wrong':>7}"
    f"  {'control':<19}{'failed':<15}{'seconds':>7}  figures"
)
