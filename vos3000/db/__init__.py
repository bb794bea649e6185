"""Storage: the pool, the schema, and one module a subject."""
