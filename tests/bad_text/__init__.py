"""Text that somebody writes to do harm, in every input and every column: refused in words, or
shown as text."""
