"""What the conductor offers about quotas."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.quota import Quotas


class QuotaReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def get_quotas(
        self, ctx: RequestContext, *, project_id: str, user_id: str | None = None, with_usage: bool = False
    ) -> Quotas:
        """What holds for a project, or a user in it."""
        raise NotImplementedError

    @call(repeatable=True)
    def get_class_quotas(self, ctx: RequestContext, *, name: str) -> dict[str, int]:
        """The limits of a quota class. The class ``default`` holds for every project without limits of its own."""
        raise NotImplementedError


class QuotaCommands(Interface):
    topic = "novalike-conductor"

    @call(repeatable=True)
    def set_quotas(
        self, ctx: RequestContext, *, project_id: str, limits: dict[str, int], user_id: str | None = None, force: bool
    ) -> Quotas:
        """Set limits of a project, or of a user in it; others stay. Gives what holds then.

        :param force: also below what is used, or above what the project has left for its users.
        :raises Invalid: a limit is out of these bounds.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def reset_quotas(self, ctx: RequestContext, *, project_id: str, user_id: str | None = None) -> None:
        """Forget the limits of a user, or of a project and all its users."""
        raise NotImplementedError

    @call(repeatable=True)
    def set_class_quotas(self, ctx: RequestContext, *, name: str, limits: dict[str, int]) -> dict[str, int]:
        """Set limits of a quota class; others stay. Gives all."""
        raise NotImplementedError
