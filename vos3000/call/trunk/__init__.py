"""
What goes on between the switch and its gateways outside of calls.
"""
