"""What each release promises to those after it: its machine goes on with their functions."""
