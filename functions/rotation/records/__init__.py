"""What travels between the states, and values: no service is called here."""
