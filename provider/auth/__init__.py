"""How a source proves to its server whose mailbox it reads."""

from .options import AuthOptions
from .tokens import AccessTokens, LoginRefusedError, PausedError

__all__ = ["AccessTokens", "AuthOptions", "LoginRefusedError", "PausedError"]
