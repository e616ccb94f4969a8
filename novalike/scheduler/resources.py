"""What Placement is asked for a request: flavor, extra specs and image as resource amounts and traits."""

import re
from typing import Any

import os_traits
from oslo_config import cfg

from novalike.clients.placement_provider import DISABLED_TRAIT
from novalike.clients.placement_types import CandidateQuery, ResourceGroup
from novalike.objects.errors import Invalid
from novalike.objects.flavor import Flavor
from novalike.objects.scheduling import SchedulingRequest

SPEC = re.compile(r"(resources|trait)([a-zA-Z0-9_-]{1,64})?:(.+)")
REQUIRED, FORBIDDEN = "required", "forbidden"
IMAGE_TYPE_TRAIT = "COMPUTE_IMAGE_TYPE_"


class UnusableExtraSpec(Invalid):
    template = "extra spec {key}={value} of the flavor can't be used: {reason}"


class _Group:
    def __init__(self) -> None:
        self.resources: dict[str, int] = {}
        self.traits: dict[str, set[str]] = {REQUIRED: set(), FORBIDDEN: set()}

    def freeze(self) -> ResourceGroup:
        return ResourceGroup(
            resources={name: amount for name, amount in self.resources.items() if amount},
            required=frozenset(self.traits[REQUIRED]),
            forbidden=frozenset(self.traits[FORBIDDEN]),
        )


def build_query(
    conf: cfg.ConfigOpts, request: SchedulingRequest, in_tree: str | None = None, limit: int | None = None
) -> CandidateQuery:
    """The query for the candidates of one server of the request.

    :param in_tree: uuid of the only provider that comes into question.
    :raises UnusableExtraSpec: an amount is no number, or the like.
    """
    groups: dict[str, _Group] = {"": _Group()}
    _add_extra_specs(groups, request.flavor)
    _add_image(groups[""], request)
    _add_security(groups[""], request)
    _add_flavor(groups, request)
    frozen = {suffix: group.freeze() for suffix, group in groups.items()}
    frozen = {suffix: group for suffix, group in frozen.items() if group.resources or group.required or group.forbidden}
    policy = request.flavor.extra_specs.get("group_policy")
    if policy is None and len(frozen.keys() - {""}) > 1:
        policy = "none"  # Placement insists on one; this is the one that excludes nothing
    return CandidateQuery(
        groups=frozen,
        root_required=_image_type(conf, request),
        root_forbidden=frozenset({DISABLED_TRAIT}),
        group_policy=policy,
        in_tree=in_tree,
        limit=limit,
    )


def _add_extra_specs(groups: dict[str, _Group], flavor: Flavor) -> None:
    for key, value in flavor.extra_specs.items():
        match = SPEC.fullmatch(key)
        if match is None:
            continue
        kind, suffix, name = match.groups()
        group = groups.setdefault(suffix or "", _Group())
        if kind == "resources":
            group.resources[name] = _amount(key, value)
        elif value in group.traits:
            group.traits[value].add(name)
        else:
            raise UnusableExtraSpec(key=key, value=value, reason="only 'required' and 'forbidden' are possible")


def _amount(key: str, value: str) -> int:
    try:
        amount = int(value)
    except ValueError:
        amount = -1
    if amount < 0:
        raise UnusableExtraSpec(key=key, value=value, reason="it must be a whole number that is not negative")
    return amount


def _add_image(group: _Group, request: SchedulingRequest) -> None:
    properties = request.image.properties if request.image else {}
    listed = properties.get("traits_required") or ()
    group.traits[REQUIRED].update(listed.split(",") if isinstance(listed, str) else listed)
    for key, value in properties.items():
        if key.startswith("trait:") and value == REQUIRED:
            group.traits[REQUIRED].add(key.removeprefix("trait:"))


def _add_flavor(groups: dict[str, _Group], request: SchedulingRequest) -> None:
    """Resources of the flavor itself, as far as its extra specs don't say otherwise."""
    flavor, given = request.flavor, {name for group in groups.values() for name in group.resources}
    own = groups[""].resources
    if not given & {"VCPU", "PCPU"}:
        dedicated = _wanted(request, "hw:cpu_policy") == "dedicated"
        own["PCPU" if dedicated else "VCPU"] = flavor.vcpus
    if "MEMORY_MB" not in given:
        own["MEMORY_MB"] = flavor.memory_mb
    if "DISK_GB" not in given:
        root = flavor.root_gb if request.root_gb is None else request.root_gb
        own["DISK_GB"] = root + flavor.ephemeral_gb + -(-flavor.swap // 1024)


def _add_security(group: _Group, request: SchedulingRequest) -> None:
    """Abilities that a guest can't do without: hosts that lack them must not be chosen."""
    required = group.traits[REQUIRED]
    if _wanted(request, "os:secure_boot") == "required":
        required.add("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    if version := _wanted(request, "hw:tpm_version"):
        model = _wanted(request, "hw:tpm_model") or "tpm-tis"
        required.add("COMPUTE_SECURITY_TPM_CRB" if model == "tpm-crb" else "COMPUTE_SECURITY_TPM_TIS")
        required.add("COMPUTE_SECURITY_TPM_2_0" if version == "2.0" else "COMPUTE_SECURITY_TPM_1_2")
    if str(_wanted(request, "hw:mem_encryption")).lower() in ("true", "yes", "1", "on"):
        group.resources["MEM_ENCRYPTION_CONTEXT"] = 1


def _wanted(request: SchedulingRequest, key: str) -> Any:
    """An extra spec, or the image property of the same name (``hw:x`` is ``hw_x`` there)."""
    if key in request.flavor.extra_specs:
        return request.flavor.extra_specs[key]
    return request.image.properties.get(key.replace(":", "_")) if request.image else None


def _image_type(conf: cfg.ConfigOpts, request: SchedulingRequest) -> frozenset[str]:
    """The trait of hosts that can use the image's format, if we are to ask for it and there is one."""
    if not conf.scheduler.query_placement_for_image_type_support or request.image is None:
        return frozenset()
    if request.root_gb == 0 or not request.image.disk_format:
        return frozenset()  # boots from a volume
    trait = IMAGE_TYPE_TRAIT + request.image.disk_format.upper()
    return frozenset({trait}) if hasattr(os_traits, trait) else frozenset()
