"""Who signs in: users, their sessions, and guesses at their passwords."""
