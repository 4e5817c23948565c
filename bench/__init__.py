"""How fast a rotation is and what it costs, beside AWS's own function; ``make bench``."""
