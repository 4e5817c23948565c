"""Breaks each guard on purpose: a test has to fail."""
