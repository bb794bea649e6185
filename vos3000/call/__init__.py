"""The call: its legs, the back-to-back user agent between them, its control."""
