"""How fast, how dear and how scalable: measured on the local AWS, beside AWS's own function."""
