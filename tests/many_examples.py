"""A pytest plugin for `make fuzz`: property tests look much longer than in a normal run."""

from hypothesis import settings

settings.register_profile("many", max_examples=20_000, deadline=None)
settings.load_profile("many")
