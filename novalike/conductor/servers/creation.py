"""Recording new servers: everything that must be true before a create request is answered."""

import datetime
import re
import uuid
from typing import Any

from oslo_config import cfg

from novalike.conductor import quota_check
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.operations.start import new_operation
from novalike.conductor.servers.flavor_fit import check_fits
from novalike.db.api import flavors, keypairs, mappings
from novalike.db.cell import operations as operations_db
from novalike.db.cell import quota_lock
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.keypair import Keypair
from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.server import ServerRequest


def record(
    conf: cfg.ConfigOpts, cells: Cells, ctx: RequestContext, request: ServerRequest, holder: str
) -> tuple[Cell, list[str], list[str]]:
    """Record servers and their ``create`` operations, held by ``holder``.

    :returns: the cell they are in, their uuids, their operations' uuids; of operations none when this request has
        been recorded before.
    :raises FlavorNotFound, KeypairNotFound, OverQuota, Invalid: as in ``ServerCommands.create_servers``.
    """
    project_id, user_id = ctx.owner()
    with cells.api.read() as connection:
        flavor = flavors.get(connection, request.flavor_id, project_id=None if ctx.is_admin else project_id)
        keypair = None
        if request.key_name is not None:
            keypair = keypairs.get(connection, user_id, request.key_name)
        limits = quota_check.effective_limits(connection, conf, project_id)
    if flavor is None or flavor.disabled:
        raise errors.FlavorNotFound(flavor_id=request.flavor_id)
    if request.key_name is not None and keypair is None:
        raise errors.KeypairNotFound(name=request.key_name, user_id=user_id)
    check_fits(flavor, request)
    if 0 <= limits["metadata_items"] < len(request.metadata):
        raise errors.OverQuota(f"Maximum number of metadata items exceeds {limits['metadata_items']}")

    home = cells.home()
    if home.is_cell0:
        for cell in cells.compute_cells():
            if known := cell.database.query(lambda c: operations_db.created_by(c, ctx.request_id)):
                return cell, known, []

    # Committed first: should we die before the servers are recorded, a mapping that leads to nothing is harmless, a
    # server without a mapping is not. Not within the transaction below, which may be repeated.
    each = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.memory_mb}
    uuids = [str(uuid.uuid4()) for _ in range(quota_check.most(limits, each, request.max_count))]
    if uuids:
        cells.api.query(lambda c: mappings.map_instances(c, uuids, home.id, project_id, user_id))
    now = home.database.utcnow()

    def write(connection: Any) -> tuple[list[str], list[str]]:
        quota_lock.lock_project(connection, project_id)
        if known := operations_db.created_by(connection, ctx.request_id):
            return known, []  # asked again: the answer to the first time was lost
        count = quota_check.fit(
            limits,
            quota_check.usage(cells, project_id, within=(home, connection)),
            each,
            request.min_count,
            request.max_count,
        )
        made = uuids[:count]
        return made, _insert(connection, ctx, request, flavor, keypair, made, holder, now, conf)

    try:
        made, operation_ids = home.database.write(write)
    except errors.Unavailable:
        raise  # it may have been recorded
    except errors.NovalikeError:
        cells.api.query(lambda c: mappings.unmap_instances(c, uuids, home.id))
        raise
    if unused := [each for each in uuids if each not in made]:
        cells.api.query(lambda c: mappings.unmap_instances(c, unused, home.id))
    cells.remember(made, home.id)
    return home, made, operation_ids


def _insert(
    connection: Any,
    ctx: RequestContext,
    request: ServerRequest,
    flavor: Flavor,
    keypair: Keypair | None,
    uuids: list[str],
    holder: str,
    now: datetime.datetime,
    conf: cfg.ConfigOpts,
) -> list[str]:
    # A name for each; several servers of one request are numbered.
    several = len(uuids) > 1
    rows, requests, operations = [], [], []
    for index, server_id in enumerate(uuids):
        name = f"{request.name}-{index + 1}" if several else request.name
        hostname = request.hostname or default_hostname(request.name, server_id, index + 1 if several else None)
        rows.append(_row(ctx, request, flavor, server_id, name, hostname, index, now))
        requests.append(
            {
                "instance_uuid": server_id,
                "image": request.image,
                "keypair": keypair,
                "networks": request.networks,
                "user_data": request.user_data,
                "admin_password": request.admin_password,
                "requested_host": request.host,
                "requested_node": request.node,
                "force_host": request.force_host,
            }
        )
        operations.append(
            new_operation(ctx, server_id, "create", "create", now, conf, holder=holder)
        )

    servers_db.insert(connection, rows, requests)
    servers_db.insert_tags(connection, uuids, request.tags)
    operations_db.insert(connection, operations)
    return [operation["uuid"] for operation in operations]


def _row(
    ctx: RequestContext,
    request: ServerRequest,
    flavor: Flavor,
    server_id: str,
    name: str,
    hostname: str,
    index: int,
    now: Any,
) -> dict[str, Any]:
    image = request.image
    return {
        "uuid": server_id,
        "project_id": ctx.project_id,
        "user_id": ctx.user_id,
        "deleted": False,
        "created_at": now,
        "updated_at": now,
        "name": name,
        "hostname": hostname,
        "description": request.description,
        "vm_state": VmState.BUILDING,
        "task_state": TaskState.SCHEDULING,
        "power_state": 0,
        "progress": 0,
        "image_ref": image.id if image else "",
        "kernel_id": str(image.properties.get("kernel_id") or "") if image else "",
        "ramdisk_id": str(image.properties.get("ramdisk_id") or "") if image else "",
        "key_name": request.key_name,
        "config_drive": request.config_drive,
        "availability_zone": request.availability_zone,
        "pinned_availability_zone": request.availability_zone,
        "access_ip_v4": request.access_ip_v4,
        "access_ip_v6": request.access_ip_v6,
        "launch_index": index,
        "reservation_id": request.reservation_id,
        "auto_disk_config": request.auto_disk_config,
        **servers_db.flavor_columns(flavor),
        "metadata": request.metadata,
        "system_metadata": _system_metadata(image, flavor),
        "scheduler_hints": request.scheduler_hints,
        "vifs": (),
        "trusted_certs": request.trusted_certs,
        "security_groups": request.security_groups,
        "block_devices": request.block_devices,
    }


def _system_metadata(image: Image | None, flavor: Flavor) -> dict[str, str]:
    """The image's facts at the time, under ``image_``."""
    if image is None:
        return {}
    facts = {
        "min_ram": image.min_ram,
        "min_disk": max(flavor.root_gb, image.min_disk),
        "disk_format": image.disk_format,
        "container_format": image.container_format,
        **image.properties,
    }
    return {f"image_{key}": str(value) for key, value in facts.items() if value is not None}


def default_hostname(name: str, server_id: str, number: int | None = None) -> str:
    """A host name made from a server's name: what of it is allowed in one, or ``Server-<uuid>``.

    :param number: of the server among those of one request.
    """
    latin = name.encode("latin-1", "ignore").decode("latin-1")[:63]
    allowed = re.sub(r"[^\w-]", "", re.sub(r"[ _.]", "-", latin)).lower().strip(".-")
    if not allowed:
        return f"Server-{server_id}"
    return allowed if number is None else f"{allowed}-{number}"
