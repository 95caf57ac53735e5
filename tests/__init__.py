"""The suite; servers for it lie in `tests.servers`."""
