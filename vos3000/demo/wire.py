"""
A UDP socket of a demonstration user agent.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.protocol import DatagramProtocol

from vos3000.demo.ladder import Ladder
from vos3000.errors import ParseError
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse

Address = tuple[str, int]

SDP = (
    "v=0\r\no=demo 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP {payloads}\r\na=ptime:20\r\n"
)


class Wire(DatagramProtocol):
    """
    Sends and receives SIP messages and notes each on the ladder.

    @ivar receive: Called with each message and where it came from; what cannot
        be read is dropped.
    """

    def __init__(
        self,
        name: str,
        ladder: Ladder,
        receive: Callable[[Request | Response, Address], None],
    ) -> None:
        self.name = name
        self._ladder = ladder
        self._receive = receive

    @property
    def address(self) -> Address:
        """The socket's own address and port."""
        here = self.transport.getHost()  # type: ignore[union-attr]
        return here.host, here.port

    def send(self, data: bytes, address: Address) -> None:
        """Send one message."""
        self._ladder.note(self.name, True, data)
        self.transport.write(data, address)  # type: ignore[union-attr]

    def datagramReceived(self, datagram: bytes, addr: Address) -> None:
        """Note and hand on one message."""
        self._ladder.note(self.name, False, datagram)
        try:
            message = parse(datagram)
        except ParseError:
            return
        self._receive(message, addr)

    def media(self, payloads: str) -> bytes:
        """
        A description of audio at this address. Nobody listens there: the
        demonstration has signalling and no sound.
        """
        host, port = self.address
        text = SDP.format(host=host, port=port + 2, payloads=payloads)
        return text.encode("ascii")
