"""Mail from a POP3 server (RFC 1939), where it is left as it is."""

from .source import Pop3Source

__all__ = ["Pop3Source"]
