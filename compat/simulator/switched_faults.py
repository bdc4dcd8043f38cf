"""Faults switched on while the simulator runs: for a model, a key, a project or everything."""

from dataclasses import dataclass

from compat.simulator.faults import Fault
from compat.simulator.keys import Key
from compat.simulator.wire import JsonObject


@dataclass(slots=True)
class Switch:
    """One fault, whom it befalls (None: whoever) and for how many more calls (None: until it is taken back)."""

    fault: Fault
    model: str | None = None
    key: str | None = None
    project: str | None = None
    times: int | None = None

    def fits(self, key: Key, model: str) -> bool:
        """Whether a call with that key to that model is meant."""
        return (
            self.model in (None, model)
            and self.key in (None, key.text)
            and self.project in (None, key.project)
            and self.times != 0
        )


class SwitchedFaults:
    """All switches that are on."""

    __slots__ = ("_switches",)

    def __init__(self) -> None:
        self._switches: list[Switch] = []

    def __bool__(self) -> bool:
        return bool(self._switches)

    def switch_on(self, switch: Switch) -> None:
        """Let the fault happen from now on."""
        self._switches.append(switch)

    def switch_off(self, model: str | None, key: str | None, project: str | None) -> None:
        """Take back every fault for exactly these."""
        here = (model, key, project)
        self._switches = [one for one in self._switches if (one.model, one.key, one.project) != here]

    def clear(self) -> None:
        """Take back everything."""
        self._switches.clear()

    def befalling(self, key: Key, model: str) -> list[Fault]:
        """The faults of this call; each counts as one of its times."""
        found = []
        for switch in self._switches:
            if switch.fits(key, model):
                found.append(switch.fault)
                if switch.times is not None:
                    switch.times -= 1
        return found

    def listed(self) -> list[JsonObject]:
        """What is on, for people."""
        return [
            {
                "fault": "-".join(filter(None, switch.fault)),
                "model": switch.model,
                "key": switch.key,
                "project": switch.project,
                "times": switch.times,
            }
            for switch in self._switches
        ]
