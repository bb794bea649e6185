"""
The running switch, as the command line sees it: its web interface and its
process.
"""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from vos3000.commands.context import NOT_RUNNING, PID_FILE, Complaint, Connect
from vos3000.config import Config, Endpoint

TIMEOUT = 10.0
"""Seconds the switch has for an answer."""

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Switch:
    """
    The web interface of the switch that runs with a configuration.

    @param config: Its first C{[http] listen} is where the switch is asked.
    """

    def __init__(self, config: Config, connect: Connect) -> None:
        self._connect = connect
        self._file = config.directory / "vos3000.conf"
        if not config.http.listen:
            raise Complaint(
                "this command asks the running switch, and [http] listen in"
                f" {self._file} is empty: give it an address such as 127.0.0.1:8080",
            )
        first = config.http.listen[0]
        self.address = Endpoint(_ANY.get(first.host, first.host), first.port)
        self._prefix = config.http.prefixes[0]

    def ask(self, name: str, request: Mapping[str, Any] | None = None) -> Any:
        """
        Call one interface; amounts in the answer are Decimal.

        @raise Complaint: If the switch is not there, or refuses.
        """
        body = json.dumps(request or {})
        text = self._exchange("POST", f"{self._prefix}/{name}", body)
        try:
            answer = json.loads(text, parse_float=Decimal)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "retCode" not in answer:
            raise Complaint(
                f"what answers at {self.address} is not vos3000: is [http] listen in"
                f" {self._file} the one the switch was started with?"
            )
        if answer["retCode"]:
            reason = answer.get("exception", "no reason given")
            raise Complaint(
                f"the switch refused {name}: {reason} (retCode {answer['retCode']})"
            )
        return answer

    def metrics(self) -> dict[str, float]:
        """Every number of C{/metrics}, by name and labels."""
        families = text_string_to_metric_families(self._exchange("GET", "/metrics"))
        return {
            _labelled(sample.name, sample.labels): sample.value
            for family in families
            for sample in family.samples
        }

    def page(self, path: str) -> Any:
        """One of the pages that are ours, read as JSON."""
        return json.loads(self._exchange("GET", path))

    def by_gateway(self, name: str) -> dict[str, int]:
        """
        A metric that has a number for each gateway.

        @param name: Without what all names of ours begin with.
        """
        start = f'vos3000_{name}{{gateway="'
        return {
            key.removeprefix(start).removesuffix('"}'): int(value)
            for key, value in self.metrics().items()
            if key.startswith(start)
        }

    def problem(self) -> str:
        """What C{/healthz} says is wrong; empty if nothing is."""
        text = self._exchange("GET", "/healthz", accepted=(200, 503)).strip()
        return "" if text == "ok" else text

    def follow(self, request: Mapping[str, Any]) -> Iterator[bytes]:
        """
        The lines of C{/trace}, as they come; empty ones are signs of life.

        @raise Complaint: If the switch is not there, refuses, or goes away.
        """
        connection = self._connect(self.address.host, self.address.port, TIMEOUT)
        try:
            body = json.dumps(request)
            connection.request("POST", "/trace", body, {"Content-Type": "text/html"})
            response = connection.getresponse()
            if response.status in (400, 503):
                reason = response.read().decode("utf-8", "replace").strip()
                raise Complaint(f"the switch refused: {reason}")
            if response.status != 200:
                raise Complaint(self._status(response.status, "/trace"))
            while line := response.readline():
                yield line
        except (OSError, http.client.HTTPException) as error:
            raise Complaint(self._absent(error), NOT_RUNNING) from None
        finally:
            connection.close()
        raise Complaint("the switch ended", NOT_RUNNING)

    def _exchange(
        self,
        method: str,
        path: str,
        body: str | None = None,
        accepted: tuple[int, ...] = (200,),
    ) -> str:
        host, port = self.address.host, self.address.port
        connection = self._connect(host, port, TIMEOUT)
        try:
            connection.request(method, path, body, {"Content-Type": "text/html"})
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Complaint(self._absent(error), NOT_RUNNING) from None
        finally:
            connection.close()
        if response.status not in accepted:
            raise Complaint(self._status(response.status, path))
        return text

    def _absent(self, error: Exception) -> str:
        if isinstance(error, ConnectionRefusedError):
            return (
                f"the switch does not run: nothing listens at {self.address}"
                f" ([http] listen in {self._file}). Start it with `twistd vos3000`,"
                " or give the --config and --state it was started with"
            )
        return (
            f"the switch at {self.address} does not answer: {error or type(error)}."
            " Look at its log; `vos3000 status` again tells whether it recovers"
        )

    def _status(self, status: int, path: str) -> str:
        if status in (401, 403):
            return (
                f"the switch refuses this machine the path {path}: let its address in"
                " by `vos3000 access allow` (e_web_access_control)"
            )
        return (
            f"{self.address} answers {path} with HTTP {status}: is [http] listen in"
            f" {self._file} the one the switch was started with?"
        )


def _labelled(name: str, labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{pairs}}}" if pairs else name


def reload(state: Path, kill: Callable[[int, int], None]) -> int:
    """
    Tell the switch of a state directory to read files and tables again.

    @param kill: Sends a signal to a process.
    @return: Its process id.
    @raise Complaint: If there is none, or it belongs to somebody else.
    """
    path = state / PID_FILE
    try:
        pid = int(path.read_text("ascii"))
        kill(pid, signal.SIGHUP)
    except FileNotFoundError:
        raise Complaint(
            f"no switch runs with this state directory: {path} does not exist."
            " Give the --config and --state it was started with",
            NOT_RUNNING,
        ) from None
    except (ValueError, ProcessLookupError):
        raise Complaint(
            f"the switch is gone: {path} names no process that runs. It goes away"
            " with the next start",
            NOT_RUNNING,
        ) from None
    except PermissionError:
        raise Complaint(
            f"not allowed to signal the switch of {path}: run this as its user or root"
        ) from None
    return pid
