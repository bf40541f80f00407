"""Who may what: every operation, every address and every back office page, for everybody, by own, foreign and
random id. `table.py` declares it; the tests go through what is live and find each entry that is missing."""
