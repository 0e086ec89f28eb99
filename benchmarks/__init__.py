"""What is measured, never timed as a test. `make bench` runs it."""
