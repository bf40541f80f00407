"""What an operation raises when it refuses: a code for programs and a text a customer may read.

Anything else that is raised is a bug: it is logged with its trace and reaches the outside as INTERNAL.
"""


class Refusal(Exception):
    """An operation said no and wrote nothing. `field` names the argument at fault, when one is."""

    code = "VALIDATION_ERROR"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(Refusal):
    """The input is wrong: the caller can correct it."""


class Unauthenticated(Refusal):
    """Nobody known is asking. One text for a missing, unknown, expired and revoked token alike."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "Authentication required") -> None:
        super().__init__(message)


class Forbidden(Refusal):
    """Somebody known asks for what their role does not allow."""

    code = "FORBIDDEN"

    def __init__(self, message: str = "Insufficient permissions") -> None:
        super().__init__(message)


class NotFound(Refusal):
    """No such object for this caller. A foreign id and a random id answer the same."""

    code = "NOT_FOUND"


class Conflict(Refusal):
    """The object's state does not allow it now."""

    code = "CONFLICT"


class RateLimited(Refusal):
    """Too many attempts; nothing was tried. `retry_after` is in how many seconds it may be tried again."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, field: str = "", retry_after: int = 0) -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after
