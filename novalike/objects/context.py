"""Who asks: the request context, sent with every message on the bus."""

from typing import Any

from oslo_context import context

from novalike.objects import errors

_WIRE_FIELDS = (
    "request_id", "global_request_id", "user_id", "project_id", "user_domain_id", "project_domain_id", "is_admin",
    "roles",
)  # fmt: skip


class RequestContext(context.RequestContext):
    """The caller's identity and the request id that all log lines of a request share.

    ``is_admin`` is decided once, by the ``context_is_admin`` policy in the API, and carried along.
    """

    def owner(self) -> tuple[str, str]:
        """Project and user.

        :raises Forbidden: the token is for no project.
        """
        if not self.project_id or not self.user_id:
            raise errors.Forbidden("This needs a token for a project.")
        return self.project_id, self.user_id

    def to_wire(self) -> dict[str, Any]:
        """The fields that other daemons need: no more, because they are sent with every message.

        The token stays behind: what must be asked in the user's name is asked by the API.
        """
        return {name: getattr(self, name) for name in _WIRE_FIELDS}

    @classmethod
    def from_wire(cls, data: dict[str, Any]) -> "RequestContext":
        """The context that :meth:`to_wire` was called on. What the bus or a later release adds is ignored."""
        known: dict[str, Any] = {name: data.get(name) for name in _WIRE_FIELDS}
        return cls(overwrite=False, **known)


def admin_context(request_id: str | None = None) -> RequestContext:
    """A context for work that no user asked for (periodic tasks, recovery)."""
    return RequestContext(is_admin=True, overwrite=False, request_id=request_id)
