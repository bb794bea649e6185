"""What other systems are told: ordered, repeated, and kept when they are deaf."""
