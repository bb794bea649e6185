"""
Legs that speak SIP: the only part of L{vos3000.call} that knows it.

The Call-ID, tags, numbers, Via and Contact of a leg are its own: nothing that
one peer chose reaches the other, and no address of one side either.
"""
