"""The steps of a login: connection, host key, authentication. For doctor.py."""

from dataclasses import dataclass, field

from app.errors import AlertprofError
from app.explain.explanation import Check, Mark
from app.hosts.login import NoAlgorithm, Step
from app.hosts.route import Route

IS_SSHD = "Does sshd run there, on this port, and does a firewall let us through?"


@dataclass(slots=True)
class LoginSteps:
    """Collects the steps of a login that have succeeded. Connector calls it as `report`."""

    route: Route | None = None
    succeeded: dict[tuple[str, Step], Check] = field(default_factory=dict)

    def __call__(self, route: Route, step: Step, message: str) -> None:
        self.succeeded.setdefault((route.host, step), Check(Mark.OK, self.name(route, step.value), message))

    def name(self, route: Route, what: str) -> str:
        """`what`, and the jump host if the step was on one."""
        is_jump = self.route is not None and route.host in [hop.host for hop in self.route.hops[:-1]]
        return f"{what} (jump host {route.host})" if is_jump else what

    def failed(self, route: Route, fault: AlertprofError) -> Check:
        """The step that did not succeed: the first one that is missing."""
        steps = [(hop, step) for hop in route.hops for step in Step if (hop.host, step) not in self.succeeded]
        hop, step = steps[0] if steps else (route, Step.AUTHENTICATION)
        what = "algorithms" if isinstance(fault, NoAlgorithm) else step.value
        return Check(Mark.NO, self.name(hop, what), with_remedy(fault, IS_SSHD if step is Step.TCP else ""))


def with_remedy(fault: AlertprofError, remedy: str) -> str:
    """The fault's sentence, followed by the remedy if there is one."""
    return f"{fault.reason.message}. {remedy}" if remedy else fault.reason.message
