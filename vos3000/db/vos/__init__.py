"""
Taking over the database of a VOS3000: what is read, what becomes of it, and what
is told of the rest.
"""
