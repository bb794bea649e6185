"""What happened to calls, on the disk before anything depends on it."""
