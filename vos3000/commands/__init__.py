"""The operator's commands, by subject."""
