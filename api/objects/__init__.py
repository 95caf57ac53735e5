"""What rows keep in object stores, and what is done when some of it is lost."""
