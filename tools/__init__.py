"""What develops and proves this project without being a test: one command each, in the Makefile."""
