"""AggregateImagePropertiesIsolation: aggregates that are for images with certain properties."""

from novalike.objects.host import HostState
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.metadata import merged, per_aggregates


class AggregateImagePropertiesIsolation(Filter):
    """A property that both the image and an aggregate of the host have must be the same."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        properties = request.image.properties if request.image else {}
        namespace = self.conf.aggregate_image_properties_isolation_namespace
        prefix = namespace + self.conf.aggregate_image_properties_isolation_separator if namespace else ""
        texts = {key: str(value) for key, value in properties.items() if value and key.startswith(prefix)}
        if not texts:
            return None

        def judge(state: HostState) -> str | None:
            metadata = merged(state)
            for key, value in texts.items():
                if key in metadata and value not in metadata[key]:
                    return f"an aggregate keeps the host for images with another {key}"
            return None

        return per_aggregates(judge)
