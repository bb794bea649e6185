"""
What a REGISTER costs, and a call beyond a rate: C{python -m bench.registers}.

Microseconds of CPU in memory, without sockets, in the whole switch of
L{tests.switch}; messages are made beforehand. Each answer is checked.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from time import process_time

from bench.codec import INVITE
from tests.devices import Device
from tests.switch import CALLER, Switch, mapping_gateway

DEVICES = 300
ROUNDS = 7
COUNT = 3000

Sent = tuple[Device, bytes]


def _microseconds(switch: Switch, sent: Sequence[Sent], status: bytes) -> float:
    """Send all, each of which is answered with C{status}; the time of one."""
    gc.collect()
    begin = process_time()
    for device, data in sent:
        device.send(data)
    spent = process_time() - begin
    answers = [data.split(b" ", 2)[1] for data, _ in switch.channel.sent]
    assert answers == [status] * len(sent), set(answers)
    switch.channel.sent.clear()
    return spent / len(sent) * 1e6


def _devices(switch: Switch) -> list[Device]:
    numbers = range(DEVICES)
    for n in numbers:
        switch.phone(str(1000 + n))
    return [
        Device(switch, str(1000 + n), address=(f"198.51.100.{n % 250 + 1}", 5060))
        for n in numbers
    ]


def challenged(devices: Sequence[Device]) -> float:
    """A REGISTER without credentials: 401."""
    sent = [(device, device.make()) for device in devices]
    return _microseconds(devices[0].switch, sent, b"401")


def refreshed(devices: Sequence[Device]) -> float:
    """One with credentials, of a device that is registered: 200."""
    sent = []
    for device in devices:
        lines = (f"Authorization: {device.credentials()}", "Expires: 600")
        sent.append((device, device.make(lines)))
    return _microseconds(devices[0].switch, sent, b"200")


def beyond(switch: Switch, device: Device, turn: int) -> float:
    """An INVITE beyond maxCallRate: 503, and nothing is made of it."""
    numbers = range(turn * COUNT, (turn + 1) * COUNT)
    sent = [(device, INVITE.replace(b"5f0c1d2e", b"%08d" % n)) for n in numbers]
    return _microseconds(switch, sent, b"503")


def main() -> int:
    """Print the best of several rounds of each."""
    devices = _devices(Switch())
    for device in devices:
        device.register(("Expires: 600",))
    crowded = Switch(mapping=[mapping_gateway(call_rate=(1, 3600))])
    caller = Device(crowded, address=CALLER)
    caller.send(INVITE)
    crowded.channel.sent.clear()
    turns = range(ROUNDS)
    for name, best in (
        ("REGISTER that is challenged", min(challenged(devices) for _ in turns)),
        ("REGISTER that refreshes", min(refreshed(devices) for _ in turns)),
        ("INVITE beyond the rate", min(beyond(crowded, caller, n) for n in turns)),
    ):
        sys.stdout.write(f"{best:8.1f} us  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
