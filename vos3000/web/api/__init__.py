"""The interfaces of the web API, one module a noun."""
