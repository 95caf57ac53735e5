"""HTTP for addresses that strangers wrote: only public hosts, bounded in time and bytes, polite."""

from .answer import Answer
from .client import Web
from .failures import BrokenError
from .hosts import Hosts

__all__ = ["Answer", "BrokenError", "Hosts", "Web"]
