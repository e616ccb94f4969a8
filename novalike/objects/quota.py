"""Quotas: what a project or a user may have, and what of that is used. A limit of -1 is none."""

from novalike.objects.record import Record

# resource → its option in ``[quota]``; None for those that only API versions before 2.36 still show.
RESOURCES: dict[str, str | None] = {
    "cores": "cores",
    "fixed_ips": None,
    "floating_ips": None,
    "injected_file_content_bytes": "injected_file_content_bytes",
    "injected_file_path_bytes": "injected_file_path_length",
    "injected_files": "injected_files",
    "instances": "instances",
    "key_pairs": "key_pairs",
    "metadata_items": "metadata_items",
    "ram": "ram",
    "security_group_rules": None,
    "security_groups": None,
    "server_group_members": "server_group_members",
    "server_groups": "server_groups",
}

# Users have no limit of their own of these.
OF_PROJECTS_ONLY = frozenset({"fixed_ips", "floating_ips"})


class Quotas(Record, frozen=True):
    """Limits by resource; ``used`` has the resources of which anything is counted."""

    limits: dict[str, int]
    used: dict[str, int] = {}
