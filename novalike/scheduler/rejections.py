"""Why hosts were not taken, collected while a request goes through the stages."""

from novalike.objects.scheduling import Rejection


class Rejections:
    """Hosts by (stage, reason)."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, str], list[str]] = {}

    def add(self, stage: str, reason: str, host: str | None = None) -> None:
        """Count a host; without one, note a reason that is about no host in particular."""
        hosts = self._hosts.setdefault((stage, reason), [])
        if host is not None:
            hosts.append(host)

    def all(self) -> tuple[Rejection, ...]:
        """What was collected, in the order in which it was met."""
        return tuple(
            Rejection(stage=stage, reason=reason, hosts=tuple(hosts))
            for (stage, reason), hosts in self._hosts.items()
        )
