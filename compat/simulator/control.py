"""Looking at the simulator and changing it while it runs, under /control/; only where it was asked for."""

from dataclasses import dataclass

import msgspec

from compat.simulator.calls import CallLog
from compat.simulator.clock import Clock
from compat.simulator.faults import read_fault, read_model_fault
from compat.simulator.files import Files
from compat.simulator.quota_tables import read_tables
from compat.simulator.quotas import Quotas
from compat.simulator.refusals import Refused
from compat.simulator.switched_faults import Switch, SwitchedFaults
from compat.simulator.wire import JsonObject

PREFIX = "/control/"


class FaultGiven(msgspec.Struct, forbid_unknown_fields=True):
    """A fault to switch on; without one, whatever was on for exactly this model, key and project goes off."""

    fault: str | None = None
    model: str | None = None
    key: str | None = None
    project: str | None = None
    times: int | None = None


class ClockGiven(msgspec.Struct, forbid_unknown_fields=True):
    """Seconds to let pass, or a Unix time to make it."""

    advance: float = 0.0
    now: float | None = None


@dataclass(slots=True)
class Control:
    """What may be looked at and changed: quotas, the clock, the record of calls, faults, the files of projects."""

    quotas: Quotas
    clock: Clock
    calls: CallLog
    faults: SwitchedFaults
    files: Files

    def answer(self, method: str, path: str, body: bytes) -> JsonObject:
        """The answer of a control route; raises Refused for an unknown route and a body that does not fit."""
        routes = {
            "GET calls": lambda: self.calls.listed(),
            "GET counts": lambda: self.calls.counted(),
            "GET state": lambda: self.state(),
            "GET files": lambda: self._files(),
            "POST reset": lambda: self.reset(),
            "POST quota": lambda: self._set_quota(body),
            "POST clock": lambda: self._set_clock(msgspec.json.decode(body, type=ClockGiven)),
            "POST faults": lambda: self._set_fault(msgspec.json.decode(body, type=FaultGiven)),
        }
        route = routes.get(f"{method} {path.removeprefix(PREFIX)}")
        if route is None:
            raise Refused(404, f"No control route {method} {path}.")
        try:
            return route()
        except msgspec.MsgspecError as error:
            raise Refused(400, str(error)) from None

    def state(self) -> JsonObject:
        """The time, what counts against quotas, and the faults that are on."""
        now = self.clock()
        return {"now": now, "used": self.quotas.used(now), "faults": self.faults.listed()}

    def _files(self) -> JsonObject:
        return {"files": self.files.listed()}

    def reset(self) -> JsonObject:
        """Forget calls, used quotas, switched faults and files; the clock goes on."""
        self.calls.clear()
        self.quotas.reset()
        self.faults.clear()
        self.files.clear()
        return self.state()

    def _set_quota(self, body: bytes) -> JsonObject:
        self.quotas.change(*read_tables(body))
        return self.state()

    def _set_clock(self, given: ClockGiven) -> JsonObject:
        if given.now is not None:
            self.clock.set(given.now)
        self.clock.advance(given.advance)
        return self.state()

    def _set_fault(self, given: FaultGiven) -> JsonObject:
        if given.fault is None:
            self.faults.switch_off(given.model, given.key, given.project)
            return self.state()
        of_model = given.model is not None and given.key is None and given.project is None
        fault = read_model_fault(given.fault) if of_model else read_fault(given.fault)
        if fault is None:
            raise Refused(400, f"No fault is called {given.fault}.")
        self.faults.switch_on(Switch(fault, given.model, given.key, given.project, given.times))
        return self.state()
