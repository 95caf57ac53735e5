"""Which queue spreads the runs, by the scheme of its address."""

from collections.abc import Callable
from urllib.parse import urlsplit

from postroom import registry

from .dispatch import Carry, Dispatch
from .shared import Shared

#: Imported when asked for: what one does not use need not be installed.
QUEUES = {
    "": "runner.dispatch:Rows",
    "amqp": "runner.broker:Broker",
    "amqps": "runner.broker:Broker",
}


def dispatch(address: str, shared: Shared, carry: Carry) -> Dispatch:
    """The seam's implementation for an address."""
    kind: Callable[..., Dispatch] = registry.load(QUEUES, urlsplit(address).scheme, "queue")
    return kind(address, shared, carry) if address else kind(shared, carry)
