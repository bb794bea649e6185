"""Tests of storage: at the row and at the cent."""
