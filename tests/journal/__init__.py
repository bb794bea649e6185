"""Tests of L{vos3000.journal}."""
