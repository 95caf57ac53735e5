"""Runs: what begins them, how they are leased, logged and ended, which are kept."""
