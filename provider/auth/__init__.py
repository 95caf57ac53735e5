"""How a source proves to its server whose mailbox it reads."""

from .options import AuthOptions
from .tokens import AccessTokens, PausedError

__all__ = ["AccessTokens", "AuthOptions", "PausedError"]
