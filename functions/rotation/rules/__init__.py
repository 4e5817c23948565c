"""What is refused, who holds the lock, what is written when, and what is said of it."""
