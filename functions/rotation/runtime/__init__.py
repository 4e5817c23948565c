"""What every handler needs of Lambda: logs, metrics and settings."""
