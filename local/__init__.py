"""AWS on this machine: enough of it to run the stack without account, Docker or network."""
