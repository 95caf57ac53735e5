"""HTTP for addresses that strangers wrote: only public hosts, bounded in time and bytes, polite."""

from .client import Answer, BrokenError, Web
from .hosts import Hosts

__all__ = ["Answer", "BrokenError", "Hosts", "Web"]
