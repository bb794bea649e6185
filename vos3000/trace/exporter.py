"""
Every message to a HEP server, such as Homer's heplify-server, as it passes.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.metrics import Metrics
from vos3000.sip.transaction import Address
from vos3000.trace.hep import TCP, UDP, Packet, pack
from vos3000.trace.legs import Followed
from vos3000.trace.seen import Seen


class Exporter:
    """
    Sends a packet for each message and waits for nothing: what the network does not
    take is lost, and counted.

    @param send: Sends a datagram there; raises OSError if it cannot.
    @param server: Where the server is; None while its name is not looked up.
    @param agent: The number that the server knows this switch by (capture_id).
    @param key: The password of the server; empty for none.
    """

    def __init__(
        self,
        send: Callable[[bytes, Address], object],
        server: Callable[[], Address | None],
        agent: int,
        key: str,
        metrics: Metrics,
    ) -> None:
        self._send = send
        self._server = server
        self._agent = agent
        self._key = key.encode()
        self._sent = metrics.counter(
            "trace_hep_packets_total", "Messages sent to the HEP server"
        )
        self._lost = metrics.counter(
            "trace_hep_lost_total", "Messages that could not be sent to it"
        )

    def take(self, seen: Seen, followed: Followed | None) -> None:
        """
        A message passed. All messages of a call bear the Call-ID of its first leg,
        the caller's, by which the server shows both legs as one.
        """
        server = self._server()
        first = seen.call_id if followed is None else followed.identifiers[0]
        microseconds = round(seen.at * 1_000_000)
        packet = Packet(
            divmod(microseconds, 1_000_000),
            UDP if seen.transport == "UDP" else TCP,
            seen.source,
            seen.destination,
            self._agent,
            seen.data,
            self._key,
            first.encode("utf-8", "surrogateescape"),
        )
        try:
            if server is None:
                raise OSError("no address yet")
            self._send(pack(packet), server)
        except (OSError, ValueError):
            self._lost.value += 1
        else:
            self._sent.value += 1
