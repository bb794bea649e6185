No forged datagram makes the switch send more than half as much again to whom it seems to come from.
