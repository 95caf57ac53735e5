"""From the raw bytes of a mail to its record: for the master, and for scripts at a desk."""
