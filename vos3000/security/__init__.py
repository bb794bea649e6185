"""Who may call: gateways by address, and what screens their calls."""
