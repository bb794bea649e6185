"""Tests of the pushes."""
