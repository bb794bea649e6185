"""Media: where the streams of a call go."""
