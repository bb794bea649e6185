"""
Measures what the product exists for, against a peer, with one command.

C{python -m bench} drives the switch and PyPI's sippy B2BUA with SIPp over
loopback; docs/performance.md says how and why.
"""
