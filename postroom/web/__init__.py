"""HTTP to addresses that others named: only where it is allowed, bounded in time and bytes."""
