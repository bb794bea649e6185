"""
How long the switch is busy with one thing: C{python -m bench.stalls}.

While the reactor is in one callback nobody else is served. The switch is run under a
reactor that times each of them, and a stranger on loopback sends what could hold it
up: the longest callback of each kind of attack is printed, and which it was.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.epollreactor import EPollReactor

from bench.children import LOAD_CORE, SWITCH_CORE, Child, await_udp, free_port, pinned
from bench.switch import ROOT, Switch
from tests.certificates import Authority

LIMIT = 20.0
"""Milliseconds that no callback may take, whatever a stranger sends."""

_PAGE = 65536
_REPORT = "VOS3000_STALLS"


# The child


class MeteredReactor(EPollReactor):
    """
    Times what it calls; SIGUSR1 has it write the longest since the last one to
    the file that the environment names, and begin afresh.
    """

    longest = (0.0, "")
    _collected = _begun = 0.0

    def note(self, begun: float, what: object) -> None:
        """Something took until now."""
        took = time.thread_time() - begun
        if took > self.longest[0]:
            more = f", {self._collected * 1000:.1f} ms of it collecting garbage"
            self.longest = (took, _told(what) + (more if self._collected else ""))
        self._collected = 0.0

    def collects(self, phase: str, told: Mapping[str, int]) -> None:
        """The collector begins or ends."""
        if phase == "start":
            self._begun = time.thread_time()
        else:
            self._collected += time.thread_time() - self._begun

    def _doReadOrWrite(self, selectable: Any, fd: Any, event: Any) -> None:  # noqa: N802
        begun = time.thread_time()
        super()._doReadOrWrite(selectable, fd, event)
        self.note(begun, selectable)

    def callLater(self, delay: float, call: Any, *args: Any, **more: Any) -> Any:  # noqa: N802
        """As ever, but timed."""

        def timed() -> None:
            begun = time.thread_time()
            call(*args, **more)
            self.note(begun, call)

        return super().callLater(delay, timed)

    def report(self, number: int, frame: object) -> None:
        """Write the longest, and forget it."""
        path = Path(os.environ[_REPORT])
        took, what = self.longest
        self.longest = (0.0, "")
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps([took * 1000, what]), "utf-8")
        fresh.rename(path)


def _told(what: object) -> str:
    protocol = getattr(what, "protocol", None) or getattr(what, "factory", None)
    name = getattr(what, "__qualname__", type(what).__name__)
    return f"{name} {type(protocol).__name__}" if protocol is not None else name


def serve() -> None:
    """Be twistd, with that reactor."""
    from twisted.internet.main import installReactor

    reactor = MeteredReactor()
    installReactor(reactor)
    signal.signal(signal.SIGUSR1, reactor.report)
    gc.callbacks.append(reactor.collects)
    from twisted.scripts.twistd import run

    run()


# The attacks


def _until(seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


def _request(method: str, number: int, *more: str, small: bool = False) -> bytes:
    user = f"{number}" if small else f"user-of-some-length-{number}"
    lines = [
        f"{method} sip:{user}@127.0.0.1 SIP/2.0",
        f"v:SIP/2.0/UDP h;branch=z9hG4bK{number}",
        f"f:<sip:{user}@h>;tag=1",
        f"t:<sip:{user}@h>",
        f"i:{number}",
        f"CSeq:1 {method}",
        *more,
        "l:0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Target:
    """
    The switch, as strangers see it.

    @ivar ports: By transport, C{http} among them.
    """

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports

    def udp(self) -> socket.socket:
        """A socket towards it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(("127.0.0.1", self.ports["udp"]))
        return sock

    def tcp(self, name: str = "udp") -> socket.socket:
        """A connection to it."""
        sock = socket.create_connection(("127.0.0.1", self.ports[name]), 2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def tls(self, name: str = "tls") -> ssl.SSLSocket:
        """One with TLS, that believes anybody."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(self.tcp(name))

    def browser(self, name: str = "ws") -> socket.socket:
        """A WebSocket."""
        sock = self.tcp(name)
        sock.sendall(
            b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        )
        sock.recv(4096)
        return sock


def _datagrams(make: Callable[[int], bytes]) -> Callable[[Target, float], None]:
    def attack(target: Target, seconds: float) -> None:
        sock = target.udp()
        for number in _until(seconds):
            with suppress(OSError):
                sock.send(make(number))

    return attack


def _stream(
    make: Callable[[int], bytes], name: str = "udp"
) -> Callable[[Target, float], None]:
    """Connections that send without reading; a new one when one ends."""

    def attack(target: Target, seconds: float) -> None:
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            with suppress(OSError):
                if name in ("ws", "wss"):
                    sock = target.browser(name)
                else:
                    sock = target.tls() if name == "tls" else target.tcp(name)
                with sock:
                    sock.settimeout(0.5)
                    while time.monotonic() < end:
                        sock.sendall(make(number))
                        number += 1

    return attack


def _connects(name: str, greeting: bytes = b"") -> Callable[[Target, float], None]:
    def attack(target: Target, seconds: float) -> None:
        held = []
        for number in _until(seconds):
            with suppress(OSError):
                sock = target.tcp(name)
                sock.setblocking(False)
                sock.send(greeting)
                held.append(sock)
            if number % 300 == 299:
                for each in held:
                    each.close()
                held.clear()

    return attack


def _handshakes(target: Target, seconds: float) -> None:
    """As many clients as may begin TLS at the same moment."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for _ in _until(seconds):
        outgoing = ssl.MemoryBIO()
        hello = context.wrap_bio(ssl.MemoryBIO(), outgoing)
        with suppress(ssl.SSLWantReadError):
            hello.do_handshake()
        data = outgoing.read()
        held = [target.tcp("tls") for _ in range(100)]
        for sock in held:
            with suppress(OSError):
                sock.send(data)
        time.sleep(0.2)
        for sock in held:
            sock.close()


def _frame(payload: bytes, opcode: int = 1, last: bool = True) -> bytes:
    """A frame of WebSocket, masked by zeros."""
    size = len(payload)
    head = bytes([opcode | (0x80 if last else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + size.to_bytes(2)
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8)
    mask = b"\1\2\3\4"
    return head + mask + bytes(b ^ mask[n & 3] for n, b in enumerate(payload))


_DIGEST = (
    'Authorization: Digest username="u{0}",realm="vos3000",nonce="{1}",uri="sip:h",'
    'response="0123456789abcdef0123456789abcdef",cnonce="a",nc=00000001,qop=auth'
)


def _forged(number: int) -> str:
    return _DIGEST.format(number, f"{random.getrandbits(180):045x}"[:32])


def _page(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """As many small messages as one read takes."""

    def page(number: int) -> bytes:
        one = make(number * 1000)
        count = _PAGE // len(one)
        return b"".join(make(number * 1000 + n) for n in range(count))

    return page


def _big(name: str, value: str) -> Callable[[int], bytes]:
    """A head as large as may be, full of one header's values."""
    fits = 15_000 // len(value)
    line = f"{name}: {value * fits}"
    return lambda number: _request("INVITE", number, line)


def _bodies(target: Target, seconds: float) -> None:
    _stream(lambda n: b"x" * _PAGE, "http")(target, seconds)


def _posts(body: bytes) -> Callable[[Target, float], None]:
    head = b"POST /external/server/GetPhone HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return _stream(lambda n: data, "http")


_OPTIONS = _page(lambda n: _request("OPTIONS", n, small=True))
_INVITES = _page(lambda n: _request("INVITE", n, small=True))
_REGISTERS = _page(lambda n: _request("REGISTER", n, small=True))
_TEXT = _frame(("\u00e4" * 32000).encode())
_NOISE = _frame(b"a" * 60000, 2)

ATTACKS: dict[str, Callable[[Target, float], None]] = {
    "nothing": lambda target, seconds: time.sleep(seconds),
    "UDP: empty datagrams": _datagrams(lambda n: b""),
    "UDP: a byte": _datagrams(lambda n: b"\r"),
    "UDP: 12 bytes of noise": _datagrams(lambda n: b"INVITE x\r\n\r\n"),
    "UDP: OPTIONS": _datagrams(lambda n: _request("OPTIONS", n)),
    "UDP: INVITE": _datagrams(lambda n: _request("INVITE", n)),
    "UDP: REGISTER": _datagrams(lambda n: _request("REGISTER", n)),
    "UDP: forged digests": _datagrams(lambda n: _request("REGISTER", n, _forged(n))),
    "UDP: one INVITE over and over": _datagrams(lambda n: _request("INVITE", 1)),
    "UDP: ACK and CANCEL": _datagrams(
        lambda n: _request("ACK" if n % 2 else "CANCEL", n)
    ),
    "UDP: many Via": _datagrams(_big("v", "SIP/2.0/UDP h;branch=z,")),
    "UDP: empty Via": _datagrams(_big("v", ",")),
    "UDP: many Contact": _datagrams(_big("m", "<sip:a>,")),
    "UDP: quotes": _datagrams(_big("m", '"\\"" <sip:a>,')),
    "UDP: open quotes": _datagrams(_big("Route", '"<')),
    "UDP: escapes": _datagrams(
        lambda n: _request("INVITE", n, "Contact: <sip:" + "%61" * 5000 + "@h>")
    ),
    "UDP: parameters": _datagrams(
        lambda n: _request("REGISTER", n, "Contact: <sip:a" + ";a=b" * 4000 + ">")
    ),
    "UDP: digest parameters": _datagrams(
        lambda n: _request("REGISTER", n, "Authorization: Digest " + 'a="b",' * 2700)
    ),
    "UDP: Require": _datagrams(_big("Require", "a,")),
    "UDP: 250 lines": _datagrams(
        lambda n: _request("INVITE", n, *[f"X-{i}: {'y' * 80}" for i in range(240)])
    ),
    "UDP: folded lines": _datagrams(
        lambda n: _request("INVITE", n, "X: y", *[" z" * 40] * 240)
    ),
    "UDP: spaces": _datagrams(_big("v", " ")),
    "TCP: pings": _stream(lambda n: b"\r\n\r\n" * (_PAGE // 4)),
    "TCP: line ends": _stream(lambda n: b"\r\n" + b"\r\n" * (_PAGE // 2)),
    "TCP: OPTIONS in a row": _stream(_OPTIONS),
    "TCP: INVITE in a row": _stream(_INVITES),
    "TCP: REGISTER in a row": _stream(_REGISTERS),
    "TCP: a head without end": _stream(lambda n: b"a" * _PAGE),
    "TCP: byte by byte": _stream(
        lambda n: (_OPTIONS(0)[n % 5000 : n % 5000 + 1]) or b"x"
    ),
    "TCP: connections": _connects("udp"),
    "TLS: connections": _connects("tls", b"\x16\x03\x01\x02\x00\x01"),
    "TLS: handshakes": _handshakes,
    "TLS: pings": _stream(lambda n: b"\r\n\r\n" * (_PAGE // 4), "tls"),
    "TLS: INVITE in a row": _stream(_INVITES, "tls"),
    "WS: handshakes": _connects(
        "ws", b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(700))
    ),
    "WS: empty frames": _stream(lambda n: _frame(b"", 1, False) * 200, "ws"),
    "WS: pings": _stream(lambda n: _frame(b"", 9) * 250, "ws"),
    "WS: INVITE each a frame": _stream(
        lambda n: b"".join(
            _frame(_request("INVITE", n * 1000 + i, small=True)) for i in range(250)
        ),
        "ws",
    ),
    "WS: long text": _stream(lambda n: _TEXT, "ws"),
    "WS: long noise": _stream(lambda n: _NOISE, "ws"),
    "HTTP: a body of no end": _bodies,
    "HTTP: deep arrays": _posts(b'{"e164s":' + b"[" * 100_000),
    "HTTP: 100,000 names": _posts(
        b"{" + b",".join(b'"a%d":[]' % n for n in range(90_000)) + b"}"
    ),
    "HTTP: a long number": _posts(b'{"e164s":' + b"9" * 1_000_000 + b"}"),
    "HTTP: 300,000 strings": _posts(
        b'{"e164s":[' + b",".join([b'"1"'] * 250_000) + b"]}"
    ),
}


class Meter:
    """The switch under the meter."""

    def __init__(self, directory: Path) -> None:
        ports = {name: free_port() for name in ("tls", "ws")}
        mine = Authority().write(directory, "localhost", "127.0.0.1")
        lines = "\n".join(f"{n} = 127.0.0.1:{p}" for n, p in ports.items())
        self._switch = Switch(
            directory, {}, "error", "", f"{lines}\ntls_certificate = {mine}"
        )
        ports["udp"], ports["http"] = self._switch.port, self._switch._http
        self.target = Target(ports)
        self._switch.command("migrate")
        self._report = directory / "stalls"
        program = [sys.executable, "-c", "from bench.stalls import serve; serve()"]
        self.child = Child(
            [*program, "-n", "--pidfile=", "vos3000", *self._switch._arguments],
            SWITCH_CORE,
            directory,
            self._switch.log,
            {"PYTHONPATH": str(ROOT), _REPORT: str(self._report)},
        )
        await_udp(self.child, self._switch.port)
        self._switch.await_http(self.child)
        time.sleep(1)

    def longest(self) -> tuple[float, str]:
        """The longest callback since it was asked last."""
        self._report.unlink(missing_ok=True)
        self.child.signal(signal.SIGUSR1)
        for _ in range(300):
            if self._report.exists():
                took, what = json.loads(self._report.read_text("utf-8"))
                return took, what
            time.sleep(0.1)
        raise RuntimeError(f"no report:\n{self.child.tail()}")


def main() -> int:
    """Attack in every way, or in those that are named."""
    asked = argparse.ArgumentParser(description="The longest callbacks of the switch.")
    asked.add_argument("names", nargs="*", help="beginnings of attacks' names")
    asked.add_argument("--seconds", type=float, default=1.0)
    options = asked.parse_args()
    if pinned():
        os.sched_setaffinity(0, {LOAD_CORE})
    worst = 0.0
    with TemporaryDirectory(prefix="stalls-") as path:
        meter = Meter(Path(path))
        with meter.child:
            meter.longest()
            for name, attack in ATTACKS.items():
                if options.names and not name.startswith(tuple(options.names)):
                    continue
                attack(meter.target, options.seconds)
                took, what = meter.longest()
                worst = max(worst, took)
                mark = "  LONG" if took > LIMIT else ""
                sys.stdout.write(f"{name:32} {took:8.1f} ms  {what}{mark}\n")
                sys.stdout.flush()
    return int(worst > LIMIT)


if __name__ == "__main__":
    gc.freeze()
    sys.exit(main())
