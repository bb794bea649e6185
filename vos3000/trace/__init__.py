"""Following the signaling of a running switch: live, as pcap, and to a HEP server."""
