"""The site measured against floors in the same run: script/bench."""

FLOOR = "/bench/"
BARE = "/bench/bare/"  # the same views, without any middleware
