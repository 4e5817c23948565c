"""Values, and the state that travels between the states: no service is called here."""
