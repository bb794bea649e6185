A flood of datagrams from unknown sources no longer keeps gateways and registered phones waiting: they have half of the time to themselves.
