"""Tests of the interfaces of the web API, one module a noun."""
