"""Tests of what becomes of records outside of the database."""
