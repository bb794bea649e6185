"""Backups of the database: made while calls run, verified, put back whole."""
