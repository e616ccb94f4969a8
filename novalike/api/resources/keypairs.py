"""``/os-keypairs``."""

from typing import Any

from oslo_config import cfg

from novalike import concurrency
from novalike.api import keygen
from novalike.api.microversion import Version
from novalike.api.policies import keypairs as policies
from novalike.api.request import Answer, ApiRequest, parse_page
from novalike.api.views import keypairs as views
from novalike.bus.keypairs import KeypairCommands, KeypairReads

_OF_OTHERS = Version(2, 10)
_IN_PAGES = Version(2, 35)


class Keypairs:
    """Public keys that users' servers let in; each user's are for that user alone."""

    def __init__(self, conf: cfg.ConfigOpts, reads: KeypairReads, commands: KeypairCommands) -> None:
        self._conf = conf
        self._reads = reads
        self._commands = commands

    def index(self, req: ApiRequest) -> dict[str, Any]:
        user_id = _owner(req, policies.LIST, req.first("user_id"))
        limit, marker = parse_page(req, self._conf.api.max_limit) if req.version >= _IN_PAGES else (None, None)
        keypairs = self._reads.list_keypairs(req.ctx, user_id=user_id, limit=limit, marker=marker)
        return views.page(req, keypairs, limit)

    def show(self, req: ApiRequest, name: str) -> dict[str, Any]:
        user_id = _owner(req, policies.SHOW, req.first("user_id"))
        return views.full(req, self._reads.get_keypair(req.ctx, user_id=user_id, name=name))

    def create(self, req: ApiRequest) -> Answer:
        asked = req.body["keypair"]
        user_id = _owner(req, policies.CREATE, asked.get("user_id"))
        type_ = asked.get("type", "ssh")
        public_key, private_key = asked.get("public_key"), None
        if public_key is None:
            public_key, private_key = concurrency.run_native(keygen.generate, type_, user_id)
        keypair = self._commands.create_keypair(
            req.ctx, user_id=user_id, name=asked["name"].strip(), type=type_, public_key=public_key
        )
        return Answer(views.created(req, keypair, private_key), 201 if req.version >= views.V2_2 else 200)

    def delete(self, req: ApiRequest, name: str) -> Answer:
        user_id = _owner(req, policies.DELETE, req.first("user_id"))
        self._commands.delete_keypair(req.ctx, user_id=user_id, name=name)
        return Answer(status=204 if req.version >= views.V2_2 else 202)


def _owner(req: ApiRequest, rule: str, asked: str | None) -> str:
    """Whose key pairs are meant.

    :raises Forbidden: not for this caller.
    """
    user_id = (asked if req.version >= _OF_OTHERS else None) or req.ctx.user_id
    req.authorize(rule, {"user_id": user_id})
    return str(user_id)
