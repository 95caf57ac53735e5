"""What runs inside with the script; it imports only what Python brings, and little of that."""
