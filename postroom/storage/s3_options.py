"""[storage s3]: where the bucket is, how objects lie in it, and with which keys it opens."""

from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from msgspec import Meta

from postroom.credentials import from_environment, read_private
from postroom.errors import CredentialError
from postroom.settings import Config, Options, Seconds

from . import BadKeyError
from .keys import check_key

SECTION = "storage s3"
ACCESS_KEY = "POSTROOM_S3_ACCESS_KEY"
SECRET_KEY = "POSTROOM_S3_SECRET_KEY"  # noqa: S105 - a name


class S3Options(Options, frozen=True):
    """The keys of [storage s3]."""

    bucket: str
    endpoint: str = ""
    region: str = ""
    prefix: str = ""
    path_style: bool = True
    #: S3 takes no smaller parts but the last one.
    part_megabytes: Annotated[int, Meta(ge=5, le=1024)] = 8
    encryption: Literal["none", "AES256", "aws:kms"] = "none"
    kms_key: str = ""
    access_key_file: str = ""
    secret_key_file: str = ""
    ca_file: str = ""
    timeout_seconds: Seconds = 15.0

    def __post_init__(self) -> None:
        # The key of what is wrong stands first, as in all errors of settings.
        if self.endpoint and not _is_endpoint(self.endpoint):
            raise ValueError("endpoint: expected https://HOST or https://HOST:PORT")
        if self.kms_key and self.encryption != "aws:kms":
            raise ValueError("kms_key: is for encryption = aws:kms alone")
        try:
            check_key(f"{self.prefix.strip('/') or 'x'}/x")
        except BadKeyError as e:
            raise ValueError(f"prefix: {e}") from e

    def root(self, keeps: str) -> str:
        """What the names of all objects of a store begin with."""
        return "/".join([*filter(None, [self.prefix.strip("/")]), keeps, ""])

    @property
    def part_bytes(self) -> int:
        """The length of all parts of a large object but the last one."""
        return self.part_megabytes * 1024 * 1024

    @property
    def encrypted(self) -> dict[str, str]:
        """What each request that stores something says of encryption."""
        if self.encryption == "none":
            return {}
        key = {"SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        return {"ServerSideEncryption": self.encryption, **key}


class Keys(NamedTuple):
    """An access key and its secret; both None: boto3 looks for them in its own places."""

    access: str | None
    secret: str | None

    def __repr__(self) -> str:
        # Neither must get into a log by way of an f-string.
        return "Keys(...)"


def keys(options: S3Options, config: Config) -> Keys:
    """Find them: environment, then files of mode 0600; CredentialError for half a pair."""
    access = _secret(ACCESS_KEY, options.access_key_file, config)
    secret = _secret(SECRET_KEY, options.secret_key_file, config)
    if bool(access) != bool(secret):
        lacking = SECRET_KEY if access else ACCESS_KEY
        raise CredentialError(
            f"{config.shown}: [{SECTION}] an access key and a secret key belong together:"
            f" set {lacking}, or access_key_file and secret_key_file"
        )
    return Keys(access or None, secret or None)


def _secret(variable: str, file: str, config: Config) -> str:
    return from_environment(variable) or (read_private(config.path_of(file)) if file else "")


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        plain = parts.port is None or parts.port > 0
    except ValueError:
        return False
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and not any(rest)
