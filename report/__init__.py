"""Reads what the rotation is and what it did, and shows it; never writes to AWS."""
