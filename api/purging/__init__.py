"""What nothing needs any longer, by the rules of retention."""
