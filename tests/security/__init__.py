"""Tests of vos3000.security."""
