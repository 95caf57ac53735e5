"""Scripts, their versions and settings."""
