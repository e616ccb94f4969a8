"""Every error that novalike raises on purpose.

The tree is shallow: a *kind* says what went wrong in general (and, in ``novalike.api.faults``, which HTTP
status that is), a leaf says what exactly::

    NovalikeError
    ├── Invalid          the request can't be right                              400
    ├── Forbidden        not allowed (policy, quota)                             403
    ├── NotFound         no such thing, or not visible                           404
    ├── NotAcceptable    no such microversion                                    406
    ├── Conflict         right, but not in this state                            409
    ├── TooLarge         the body is larger than we read                         413
    ├── UnsupportedMedia the body is of a kind that we don't read                415
    ├── NotSupported     this cloud or hypervisor can't do it                    501
    ├── Unavailable      something we depend on is not there now                 503
    └── Internal         a fault of ours                                         500

Across the bus an error travels as its class name and its fields, and is raised again as the same class.
A leaf's ``template`` is formatted with the fields; the result is what a user reads.
"""

from typing import Any, ClassVar


class NovalikeError(Exception):
    """Base of all errors. ``fields`` fill the template, and cross the bus.

    :param message: replaces the formatted template.
    """

    template: ClassVar[str] = "An unknown error occurred."
    registry: ClassVar[dict[str, type["NovalikeError"]]] = {}

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        self.fields = fields
        self.message = message if message is not None else self.template.format(**fields)
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        NovalikeError.registry[cls.__name__] = cls

    def to_wire(self) -> dict[str, Any]:
        """This error as JSON-able data, with the classes that it derives from: not everybody has loaded every class."""
        name, *bases = [cls.__name__ for cls in type(self).__mro__ if issubclass(cls, NovalikeError)]
        return {"class": name, "bases": bases, "message": self.message, "fields": self.fields}

    @staticmethod
    def from_wire(data: dict[str, Any]) -> "NovalikeError":
        """The error that :meth:`to_wire` was called on; of an unknown class, what it derives from, and at last
        :class:`Internal`."""
        names = (data["class"], *data.get("bases", ()))
        cls = next((NovalikeError.registry[name] for name in names if name in NovalikeError.registry), Internal)
        return cls(data["message"], **data.get("fields", {}))


class Invalid(NovalikeError):
    template = "Bad Request - Invalid Parameters"


class Forbidden(NovalikeError):
    template = "You are not authorized to perform the requested action."


class NotFound(NovalikeError):
    template = "Resource could not be found."


class NotAcceptable(NovalikeError):
    template = "Not acceptable."


class Conflict(NovalikeError):
    template = "Conflict."


class TooLarge(NovalikeError):
    template = "Request is too large."


class UnsupportedMedia(NovalikeError):
    template = "Unsupported Content-Type"


class NotSupported(NovalikeError):
    template = "This is not supported: {reason}"


class Unavailable(NovalikeError):
    template = "The service is unavailable: {reason}"


class Internal(NovalikeError):
    template = "Unexpected error."


class OperationTimedOut(Conflict):
    template = "The {action} was given up: it did not end in time"


class AlreadyClaimed(Unavailable):
    """Nobody may take a claim away but who knows what it is for."""

    template = "Server {instance_id} has a claim in Placement already"


# -- instances


class InstanceNotFound(NotFound):
    template = "Instance {instance_id} could not be found."


class InstanceInvalidState(Conflict):
    """``attr`` is ``vm_state`` or ``task_state``."""

    template = "Cannot '{action}' instance {instance_id} while it is in {attr} {state}"


class InstanceHasNotBeenResized(Invalid):
    template = "Instance has not been resized."


class CannotResizeToSameFlavor(Invalid):
    template = "When resizing, instances must change flavor!"


class CannotResizeDisk(Invalid):
    template = "Server disk was unable to be resized because: {reason}"


class CannotMigrateToSameHost(Invalid):
    template = "Cannot migrate to the host where the server exists."


class InstanceIsLocked(Conflict):
    template = "Instance {instance_id} is locked"


class InstanceNotReady(Conflict):
    template = "Instance {instance_id} is not ready"


class InstanceActionNotFound(NotFound):
    template = "Action {request_id} on instance {instance_id} not found"


class MetadataKeyNotFound(NotFound):
    template = "Metadata item was not found"


class TagNotFound(NotFound):
    template = "Server {instance_id} has no tag '{tag}'"


class MarkerNotFound(Invalid):
    template = "marker [{marker}] not found"


# -- flavors, keypairs


class FlavorNotFound(NotFound):
    template = "Flavor {flavor_id} could not be found."


class FlavorExists(Conflict):
    template = "Flavor with name {name} already exists."


class FlavorIdExists(Conflict):
    template = "Flavor with ID {flavor_id} already exists."


class FlavorExtraSpecNotFound(NotFound):
    template = "Flavor {flavor_id} has no extra specs with key {key}."


class FlavorAccessExists(Conflict):
    template = "Flavor access already exists for flavor {flavor_id} and project {project_id} combination."


class FlavorAccessNotFound(NotFound):
    template = "Flavor access not found for {flavor_id} / {project_id} combination."


class KeypairNotFound(NotFound):
    template = "Keypair {name} not found for user {user_id}"


class KeypairExists(Conflict):
    template = "Key pair '{name}' already exists."


class KeypairInvalid(Invalid):
    template = "Keypair data is invalid: {reason}"


class KeypairLimitExceeded(Forbidden):
    template = "Quota exceeded, too many key pairs."


# -- hosts, services, cells


class ServiceNotFound(NotFound):
    template = "Service {service_id} could not be found."


class HostNotMapped(NotFound):
    template = "Host '{host}' is not mapped to any cell"


class HostBinaryNotFound(NotFound):
    template = "Could not find binary {binary} on host {host}."


class HostNotFound(NotFound):
    template = "Compute host {host} could not be found."


class ComputeNodeNotFound(NotFound):
    template = "Hypervisor with ID '{hypervisor_id}' could not be found."


class CellNotFound(NotFound):
    template = "Cell {cell} doesn't exist."


class NoValidHost(Conflict):
    """``reasons`` is the rejection report: a list of "stage: n hosts: why"."""

    template = "No valid host was found. {reason}"


class HostDown(Conflict):
    template = "Compute service of {host} is unavailable at this time."


# -- aggregates


class AggregateNotFound(NotFound):
    template = "Aggregate {aggregate_id} could not be found."


class AggregateNameExists(Conflict):
    template = "Aggregate {name} already exists."


class AggregateHostExists(Conflict):
    template = "Aggregate {aggregate_id} already has host {host}."


class AggregateHostNotFound(NotFound):
    template = "Cannot remove host {host} in aggregate {aggregate_id}"


class AggregateInvalid(Invalid):
    """A change of an aggregate that its hosts don't allow. ``what`` is the change."""

    template = "Cannot {what} aggregate {aggregate_id}. Reason: {reason}."


class AggregateConflict(Conflict):
    """A host can't be added or removed now. ``what`` is the change."""

    template = "Cannot {what} aggregate {aggregate_id}. Reason: {reason}."


# -- quota


class OverQuota(Forbidden):
    template = (
        "Quota exceeded for {overs}: Requested {requested}, but already used {used} of {allowed} {overs}"
    )


# -- images, networks, consoles


class ImageNotFound(NotFound):
    template = "Image {image_id} could not be found."


class ImageUnacceptable(Invalid):
    template = "Image {image_id} is unacceptable: {reason}"


class NetworkNotFound(Invalid):
    template = "Network {network_id} could not be found."


class PortNotFound(Invalid):
    template = "Port id {port_id} could not be found."


class PortInUse(Conflict):
    template = "Port {port_id} is still in use."


class ConsoleTypeUnavailable(Invalid):
    template = "Unavailable console type {console_type}."


class ConsoleTypeInvalid(Invalid):
    template = "Invalid console type {console_type}"


class ConsoleTokenInvalid(NotFound):
    template = "Token not found"


# -- operations


class Fenced(Conflict):
    """The operation was given to another worker, or ended: the caller must stop at once, without undoing."""

    template = "Operation {operation_id} is no longer held by epoch {epoch}"


class BuildAborted(NovalikeError):
    """A build failed in a way that no other host would mend."""

    template = "Build of instance {instance_id} aborted: {reason}"


class RescheduleBuild(NovalikeError):
    """A build failed on this host; another host may succeed."""

    template = "Build of instance {instance_id} was re-scheduled: {reason}"
