"""Rotating the password of one ElastiCache user: the rules, and the services they apply to."""
