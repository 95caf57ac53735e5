"""What a browser is told of an object: its media type, and the name to save it under."""

import re
from urllib.parse import quote

#: RFC 9110, 8.3.1; parameters as people write them.
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *; *[\w-]+=[\w.+-]+)*", re.ASCII)


def described(type: str, name: str) -> dict[str, str]:
    """The headers as boto3 calls them; what is no media type is left out."""
    headers = {"ContentType": type} if _TYPE.fullmatch(type) else {}
    if name:
        headers["ContentDisposition"] = disposition(name)
    return headers


def disposition(name: str) -> str:
    """Content-Disposition for a download (RFC 6266), in one line of ASCII whatever the name."""
    plain = re.sub(r'[^ -~]|["%\\\\/]', "_", name)
    encoded = quote(name, safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
