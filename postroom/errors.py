"""Errors that tell the caller what to do next."""


class PostroomError(Exception):
    """Root of all errors that Postroom raises on purpose; its text is fit to be shown."""


class SettingsError(PostroomError):
    """The operator must mend the configuration: print the text, exit with status 2."""


class CredentialError(SettingsError):
    """A user name, password or key is missing, or its file is open to others."""


class TemporaryError(PostroomError):
    """Nothing is wrong with the work itself: try again, not before `after` seconds."""

    def __init__(self, message: str, after: float = 5.0) -> None:
        super().__init__(message)
        self.after = after


class RefusedError(PostroomError):
    """The other side understood and said no: sending the same again is of no use."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WireError(PostroomError):
    """Frames or a body against the protocol; `request_id` is the request's if it was readable."""

    def __init__(self, message: str, request_id: str = "") -> None:
        super().__init__(message)
        self.request_id = request_id


class ParseError(PostroomError):
    """This item cannot become a record: set it aside, go on with the next."""


class SourceError(PostroomError):
    """A mailbox cannot be read as it stands (login refused, no folder): tell, back off, go on."""


class ObjectMissingError(PostroomError):
    """A storage does not hold the object of that key."""
