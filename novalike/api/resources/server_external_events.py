"""``/os-server-external-events``: Neutron and Cinder say that something has happened."""

from typing import Any

from novalike.api.request import Answer, ApiRequest
from novalike.bus.compute import ExternalEvent
from novalike.bus.servers import ServerCommands


class ServerExternalEvents:
    """Events, handed to the hosts of the servers that they are about."""

    def __init__(self, commands: ServerCommands) -> None:
        self._commands = commands

    def create(self, req: ApiRequest) -> Answer:
        """Hand events on. 207 says that some of them could not be."""
        asked = req.body["events"]
        events = tuple(
            ExternalEvent(
                name=event["name"],
                instance_uuid=event["server_uuid"],
                status=event.get("status", "completed"),
                tag=event.get("tag"),
            )
            for event in asked
        )
        codes = self._commands.external_events(req.ctx, events=events)
        shown = [_shown(event, code) for event, code in zip(asked, codes, strict=True)]
        return Answer({"events": shown}, 200 if all(code == 200 for code in codes) else 207)


def _shown(event: dict[str, Any], code: int) -> dict[str, Any]:
    return {**event, "status": "completed" if code == 200 else "failed", "code": code}
