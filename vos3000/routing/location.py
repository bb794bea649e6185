"""
Where registered phones and gateways are.

An address of record has one device, as in VOS3000: one binding, or several
flows of the same device (RFC 5626), of which the newest is used. Who may take
whose place is the registrar's question; here bindings are kept, found and
forgotten when their time is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from vos3000.events import Events, PhoneOnlineChanged
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.model.bindings import Address, Binding, Key
from vos3000.timers import Timer, TimerWheel

__all__ = ["Address", "Binding", "Key", "Location"]


class Location:
    """
    The bindings of one switch.

    @param dids: The further numbers of a phone; None for who is no phone.
    @param changed: Hears of each binding that is kept, and with None of each
        that is gone.
    """

    def __init__(
        self,
        timers: TimerWheel,
        now: Now,
        events: Events,
        dids: Callable[[str], tuple[str, ...] | None],
        changed: Callable[[Key, Binding | None], object],
        metrics: Metrics,
    ) -> None:
        self._timers = timers
        self._now = now
        self._events = events
        self._dids = dids
        self._changed = changed
        self._devices: dict[str, tuple[Binding, ...]] = {}
        self._ends: dict[Key, Timer] = {}
        self._at: dict[Address, dict[Key, Binding]] = {}
        self._behind_nat: dict[Key, None] = {}
        self._expired = metrics.counter(
            "routing_expired_bindings_total", "Registrations that were not renewed"
        )
        metrics.gauge(
            "routing_registered", "Devices registered", lambda: len(self._devices)
        )

    # Reading

    def __len__(self) -> int:
        return len(self._devices)

    def find(self, aor: str) -> Binding | None:
        """The way to a device: its newest binding; None if it is offline."""
        flows = self._devices.get(aor)
        if flows is None:
            return None
        if len(flows) == 1:
            return flows[0]
        return max(flows, key=lambda binding: binding.updated)

    def current(self, key: Key) -> Binding | None:
        """A binding as it is now; None if it is gone."""
        for binding in self._devices.get(key[0], ()):
            if binding.flow == key[1]:
                return binding
        return None

    def behind_nat(self) -> list[Key]:
        """The bindings on UDP whose way must be kept open."""
        return list(self._behind_nat)

    def of(self, aor: str) -> tuple[Binding, ...]:
        """Every binding of a device."""
        return self._devices.get(aor, ())

    def bindings(self) -> Iterator[Binding]:
        """Every binding; for a list, not for a call."""
        for flows in list(self._devices.values()):
            yield from flows

    def at(self, address: Address) -> Binding | None:
        """A binding whose device sends from C{address}; None if there is none."""
        found = self._at.get(address)
        return None if found is None else next(iter(found.values()))

    def only_at(self, address: Address) -> str | None:
        """Whose device sends from C{address}; None if none does, or several do."""
        found = self._at.get(address)
        if found is None:
            return None
        owner = None
        for aor, _ in found:
            if owner is None:
                owner = aor
            elif owner != aor:
                return None
        return owner

    def registered(self, aor: str, host: str) -> bool:
        """Whether a device is registered from a host."""
        return any(b.remote[0] == host for b in self._devices.get(aor, ()))

    # Writing

    def put(self, binding: Binding) -> None:
        """Keep a binding; one of the same device and flow goes."""
        known = self.find(binding.aor)
        self._drop(binding.key)
        self._enter(binding)
        self._changed(binding.key, binding)
        if known is None or (known.remote, known.local, known.product) != (
            binding.remote,
            binding.local,
            binding.product,
        ):
            self._tell(binding, True)

    def remove(self, aor: str, flow: str) -> None:
        """Forget a binding, if there is one."""
        binding = self._drop((aor, flow))
        if binding is None:
            return
        self._changed(binding.key, None)
        if aor not in self._devices:
            self._tell(binding, False)

    def restore(
        self, bindings: Iterable[Binding], ended: Iterable[Binding] = ()
    ) -> None:
        """
        Take bindings that were kept over a restart. Nobody is told of them, but
        of the end of those that ended meanwhile.

        @param ended: Those that did not outlive it.
        """
        late = []
        now = self._now().wall
        for binding in bindings:
            if binding.expires > now:
                self._enter(binding)
            else:
                self._expired.value += 1
                late.append(binding)
        for binding in (*late, *ended):
            self._changed(binding.key, None)
            if binding.aor not in self._devices:
                self._tell(binding, False)

    def lost(self, channel: object, peer: Address) -> None:
        """
        A connection is closed: devices that can be reached on no other are
        offline.

        @param peer: Where it was to.
        """
        for binding in list(self._at.get(peer, {}).values()):
            if binding.channel is channel and not binding.calls_back:
                self.remove(*binding.key)

    def _enter(self, binding: Binding) -> None:
        key = binding.key
        self._devices[binding.aor] = (*self.of(binding.aor), binding)
        self._at.setdefault(binding.remote, {})[key] = binding
        if binding.transport == "udp" and binding.behind_nat:
            self._behind_nat[key] = None
        seconds = (binding.expires - self._now().wall) / 1000
        self._ends[key] = self._timers.later(seconds, self._over, key)

    def _drop(self, key: Key) -> Binding | None:
        binding = self.current(key)
        if binding is None:
            return None
        flows = tuple(each for each in self.of(key[0]) if each is not binding)
        if flows:
            self._devices[key[0]] = flows
        else:
            del self._devices[key[0]]
        there = self._at[binding.remote]
        del there[key]
        if not there:
            del self._at[binding.remote]
        self._ends.pop(key).cancel()
        self._behind_nat.pop(key, None)
        return binding

    def _over(self, key: Key) -> None:
        self._expired.value += 1
        self.remove(*key)

    def _tell(self, binding: Binding, online: bool) -> None:
        dids = self._dids(binding.aor)
        if dids is None or not self._events.wanted(PhoneOnlineChanged):
            return
        self._events.publish(
            PhoneOnlineChanged(
                e164=binding.aor,
                dids=dids,
                online=online,
                event_time=self._now().wall,
                local_ip=binding.local[0],
                local_port=binding.local[1],
                remote_ip=binding.remote[0],
                product_id=binding.product,
            )
        )
