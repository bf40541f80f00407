"""Documents: a frozen snapshot in, bytes out. They know nothing of the books."""
