"""What every handler needs from Lambda: logs, metrics and settings."""
