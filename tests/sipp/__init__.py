"""
SIPp calls through the switch on real sockets.
"""
