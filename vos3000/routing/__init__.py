"""Where a call goes: numbers rewritten, gateways selected, capacity counted."""
