"""A cloud in this process that is attacked: ``python -m tests.functional.attacked FOLDER``.

In a process of its own, since an expression that never ends can't be stopped from within. Says what came of each attack
as a line of JSON: name, whether it was answered as it should be, the slowest read, and all of it in words.
"""

import json
import sys
from pathlib import Path

from novalike import concurrency

concurrency.prepare()

from tests import attacks  # noqa: E402
from tests.functional.conftest import furnish  # noqa: E402
from tests.functional.harness import Client, Cloud  # noqa: E402

ATTACKERS = 3
# Names are long, so that whatever is exponential shows.
NAME = "a" * 60
SERVERS = 40


def asking(client: Client) -> attacks.Ask:
    """Sends requests as a user."""

    def ask(method: str, path: str, body: bytes | None, version: str) -> int:
        return client.at(version).request_raw(method, path, body).status_code

    return ask


def main() -> None:
    cloud = furnish(Cloud(Path(sys.argv[1])))
    body = cloud.server_body(
        NAME, networks=[{"uuid": cloud.network["id"]}], description=NAME, min_count=SERVERS, max_count=SERVERS
    )
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("read"), 202)["server"]["id"]
    cloud.demo.at("2.52").post("/servers", body, 202)
    cloud.demo.wait_for(made, "ACTIVE")
    cloud.eventually(lambda: len(cloud.demo.get("/servers?status=ACTIVE")["servers"]) == SERVERS + 1, 60)

    def read() -> int:
        return cloud.demo.request("GET", f"/servers/{made}").status_code

    for client, some in (
        (cloud.demo, attacks.FILTERS + attacks.REQUESTS),
        (cloud.admin, attacks.ADMINISTRATORS),
    ):
        for attack in some:
            found = attacks.attack(attack, [asking(client)] * ATTACKERS, read, rounds=1)
            right = set(found.answers) <= attack.statuses and not found.failed_reads
            print(json.dumps([attack.name, right, found.slowest_read, str(found)]), flush=True)
    cloud.close()


if __name__ == "__main__":
    main()
