"""Mail from an IMAP server (RFC 3501), read without leaving a mark."""

from .source import ImapSource

__all__ = ["ImapSource"]
