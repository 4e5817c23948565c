"""One module for each service that a rotation calls; its error codes become our errors."""
