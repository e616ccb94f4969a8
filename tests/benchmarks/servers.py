"""Servers: asked for, waited for, removed."""

import time
from typing import Any

from tests.benchmarks.client import Client, Refused

# Seconds between two looks at one server. Little of what is measured, as what is measured is less than a tenth of a
# second; while several clients look, more, as they would else be most of the load.
POLL, POLL_OF_MANY = 0.02, 0.05
_PAGE = 1000
# As many as one request may ask for here; and how many may be on their way when the next is made.
BATCH = 50
_GIVE_UP = 600.0


class Servers:
    """The servers of one contender, as one client sees them.

    :param image: its id.
    :param flavor: its id.
    :param larger: id of the flavor that they are resized to.
    :param network: of those that are to have a port.
    :param poll: seconds between two looks at a server.
    """

    def __init__(
        self, client: Client, image: str, flavor: str, larger: str, network: str, poll: float = POLL
    ) -> None:
        self.client = client
        self._image, self._flavor, self._larger, self._network = image, flavor, larger, network
        self._poll = poll

    def anew(self) -> "Servers":
        """The same for another thread: with a client of its own."""
        return Servers(
            self.client.anew(), self._image, self._flavor, self._larger, self._network, POLL_OF_MANY
        )

    # -- one

    def create(self, name: str, port: bool = False, count: int = 1) -> str:
        """Ask for a server, or for several at once; gives the first one's id."""
        networks: Any = [{"uuid": self._network}] if port else "none"
        server = {"name": name, "imageRef": self._image, "flavorRef": self._flavor, "networks": networks}
        if count > 1:
            server |= {"min_count": count, "max_count": count}
        return str(self.client.wanted(202, "POST", "/servers", {"server": server})["server"]["id"])

    def delete(self, uuid: str) -> None:
        """Ask for its removal."""
        self.client.wanted(204, "DELETE", f"/servers/{uuid}")

    def resize(self, uuid: str) -> None:
        """Ask for it to be resized to the larger flavor."""
        self._act(202, uuid, {"resize": {"flavorRef": self._larger}})

    def confirm_resize(self, uuid: str) -> None:
        """Ask for its resize to be confirmed."""
        self._act(204, uuid, {"confirmResize": None})

    def revert_resize(self, uuid: str) -> None:
        """Ask for its resize to be reverted."""
        self._act(202, uuid, {"revertResize": None})

    def _act(self, status: int, uuid: str, action: dict[str, Any]) -> None:
        self.client.wanted(status, "POST", f"/servers/{uuid}/action", action)

    def await_status(self, uuid: str, status: str) -> None:
        """Look until it has a status.

        :raises Refused: it fails, or takes too long.
        """
        end = time.monotonic() + _GIVE_UP
        while time.monotonic() < end:
            server = self.client.wanted(200, "GET", f"/servers/{uuid}")["server"]
            if server["status"] == status:
                return
            if server["status"] == "ERROR":
                raise Refused(f"a server failed: {server.get('fault')}")
            time.sleep(self._poll)
        raise Refused(f"server {uuid} is not {status} after {_GIVE_UP:.0f} s")

    def await_gone(self, uuid: str) -> None:
        """Look until it is not there.

        :raises Refused: it takes too long.
        """
        end = time.monotonic() + _GIVE_UP
        while time.monotonic() < end:
            if self.client("GET", f"/servers/{uuid}")[0] == 404:
                return
            time.sleep(self._poll)
        raise Refused(f"server {uuid} is still there after {_GIVE_UP:.0f} s")

    # -- many

    def listed(self, prefix: str = "", status: str = "") -> list[str]:
        """The ids of those whose names begin with something and that have a status."""
        query = f"/servers?limit={_PAGE}" + (f"&name=%5E{prefix}" if prefix else "")
        query += f"&status={status}" if status else ""
        found: list[str] = []
        while True:
            page = self.client.wanted(200, "GET", query + (f"&marker={found[-1]}" if found else ""))["servers"]
            found += [server["id"] for server in page]
            if len(page) < _PAGE:
                return found

    def await_all_active(self, prefix: str, count: int) -> None:
        """Look four times a second until so many are ACTIVE.

        :raises Refused: one fails, or it takes too long.
        """
        self.await_all(prefix, count, "ACTIVE")

    def await_all(self, prefix: str, count: int, status: str, every: float = 0.25) -> None:
        """Look until so many have a status.

        :param every: seconds between two looks.
        :raises Refused: one fails, or it takes too long.
        """
        began, looks = time.monotonic(), 0
        while len(self.listed(prefix, status)) < count:
            looks += 1
            if looks % 20 == 0 and (failed := self.listed(prefix, "ERROR")):
                server = self.client.wanted(200, "GET", f"/servers/{failed[0]}")["server"]
                raise Refused(f"{len(failed)} of {count} failed; the first one: {server.get('fault')}")
            if time.monotonic() - began > _GIVE_UP:
                raise Refused(f"not all of {count} servers are {status} after {_GIVE_UP:.0f} s")
            time.sleep(every)

    def remove(self, uuids: list[str], prefix: str, every: float = 0.25) -> None:
        """Delete these, and look until none is left of this name.

        :raises Refused: it takes too long.
        """
        for uuid in uuids:
            self.delete(uuid)
        end = time.monotonic() + _GIVE_UP
        while self.listed(prefix):
            if time.monotonic() > end:
                raise Refused(f"servers are still there after {_GIVE_UP:.0f} s")
            time.sleep(every)

    def fill(self, prefix: str, count: int) -> int:
        """Make as many of this name as are wanting, in requests of 50. Gives how many were made."""
        made = there = len(self.listed(prefix, "ACTIVE"))
        while made < count:
            batch = min(BATCH, count - made)
            self.create(f"{prefix}-{made}", count=batch)
            made += batch
            # The next request is there before the last one's servers are.
            while len(self.listed(prefix, "BUILD")) > BATCH // 2:
                time.sleep(0.5)
        self.await_all(prefix, count, "ACTIVE", every=0.5)
        return made - there
