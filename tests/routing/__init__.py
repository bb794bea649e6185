"""Tests of vos3000.routing."""
