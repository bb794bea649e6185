"""What a newcomer sees first: a demonstration carrier and three real calls."""
