"""ZeroMQ, and nothing but: the lanes of a provider, the two sides of the master's front, keys."""

from .backend import Backend, Desk
from .hub import Hub
from .keys import ClientKeys, ServerKeys
from .lanes import Lanes
from .router import Frontend, Message, Route, doubled

__all__ = [
    "Backend",
    "ClientKeys",
    "Desk",
    "Frontend",
    "Hub",
    "Lanes",
    "Message",
    "Route",
    "ServerKeys",
    "doubled",
]
