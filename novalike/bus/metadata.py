"""What the conductor offers to the metadata service."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.server import ServerSpec


class MetadataReads(Interface):
    topic = "novalike-conductor-reads"

    @call(timeout=10, repeatable=True)
    def get_spec(self, ctx: RequestContext, *, server_id: str, project_id: str) -> ServerSpec:
        """A server with all that its guest may know: flavor, interfaces, key pair, user data, system metadata.

        Without the administrator's password: that is for the config drive only.

        :raises InstanceNotFound: no such server in the project.
        """
        raise NotImplementedError


class MetadataCommands(Interface):
    topic = "novalike-conductor"

    @call(timeout=20)
    def set_password(self, ctx: RequestContext, *, server_id: str, project_id: str, password: str) -> None:
        """Keep the password that a guest has posted, encrypted for its user's key, in system metadata.

        It is cut into pieces of 255 characters, ``password_0`` to ``password_3``. It is set once.

        :raises InstanceNotFound: no such server in the project.
        :raises Conflict: there is one already.
        """
        raise NotImplementedError
