The web interface refuses arrays of more than 10,000 elements, and shows `/registrations` to no page that a browser loaded under a name.
