"""SIP: an island that knows its specifications and nothing of this product."""
