"""Small real counterparts of daemons, for tests of one daemon alone."""
