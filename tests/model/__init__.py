"""Tests of vos3000.model."""
