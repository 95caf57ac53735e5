"""Runs the team's own scripts: by the clock, by hand, on new mail and new files."""
