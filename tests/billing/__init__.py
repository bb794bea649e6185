"""Tests of rating, balances and metering."""
