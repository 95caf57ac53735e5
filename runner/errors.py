"""What only the author of a script can mend."""

from postroom.errors import PostroomError


class ScriptError(PostroomError):
    """The script cannot be started as it stands; the text becomes the run's error."""
