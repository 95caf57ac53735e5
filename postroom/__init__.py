"""Postroom's ground floor: what every daemon shares."""

__version__ = "0.1.0"
