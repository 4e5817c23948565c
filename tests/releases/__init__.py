"""What each release promises to those after it: its state machine goes on with their functions."""
