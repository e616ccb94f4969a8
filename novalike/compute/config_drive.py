"""Whether a server gets a config drive, and what is on it."""

from oslo_config import cfg
from oslo_utils import strutils

from novalike.conf.vendordata import read_vendor_data
from novalike.guest_metadata.drive import config_drive_files
from novalike.guest_metadata.guest import Guest
from novalike.objects import errors
from novalike.objects.network import Vif
from novalike.objects.server import ServerSpec
from novalike.virt.driver import ConfigDrive


def is_wanted(conf: cfg.ConfigOpts, spec: ServerSpec) -> bool:
    """The user, the image or the operator insists on one."""
    wish = spec.image.properties.get("img_config_drive") if spec.image is not None else None
    return (
        strutils.bool_from_string(spec.server.config_drive)
        or wish == "mandatory"
        or bool(conf.force_config_drive)
    )


def build(conf: cfg.ConfigOpts, spec: ServerSpec, vifs: tuple[Vif, ...]) -> ConfigDrive | None:
    """The config drive, if there is to be one.

    :raises Internal: the operator's vendor data can't be read on this host.
    """
    if not is_wanted(conf, spec):
        return None
    try:
        vendor_data = read_vendor_data(conf)
    except ValueError as error:
        raise errors.Internal(str(error)) from error
    guest = Guest(spec=spec, vifs=vifs, dhcp_domain=conf.dhcp_domain, vendor_data=vendor_data)
    return ConfigDrive(files=config_drive_files(guest))
