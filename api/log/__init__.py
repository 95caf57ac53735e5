"""What happened, told in the transaction that made it true, and by whom."""
