"""Which options belong in which daemon's configuration file: for oslo-config-generator.

Every file of ``novalike.conf`` is in one of these lists; the databases are in the conductor's and nowhere else.
"""

from typing import Any

from oslo_config import cfg

from novalike import conf

Listed = list[tuple[Any, list[cfg.Opt]]]

FILES = {
    "common": {"service", "keystone", "placement", "glance", "neutron"},
    "api": {"api", "oslo_middleware", "wsgi"},
    "api-metadata": {"api_metadata", "oslo_middleware", "vendordata", "wsgi"},
    "scheduler": {"scheduler", "filter_scheduler"},
    "conductor": {"api_database", "database", "conductor", "quota", "consoleauth"},
    "compute": {"compute", "image_cache", "libvirt", "vnc", "fake"},
    "novncproxy": {"oslo_middleware", "vnc"},
}


def list_common() -> Listed:
    """``novalike.conf``."""
    return conf.list_opts(FILES["common"])


def list_api() -> Listed:
    """``novalike-api.conf``."""
    return conf.list_opts(FILES["api"])


def list_api_metadata() -> Listed:
    """``novalike-api-metadata.conf``."""
    return conf.list_opts(FILES["api-metadata"])


def list_scheduler() -> Listed:
    """``novalike-scheduler.conf``."""
    return conf.list_opts(FILES["scheduler"])


def list_conductor() -> Listed:
    """``novalike-conductor.conf``."""
    return conf.list_opts(FILES["conductor"])


def list_compute() -> Listed:
    """``novalike-compute.conf``."""
    return conf.list_opts(FILES["compute"])


def list_novncproxy() -> Listed:
    """``novalike-novncproxy.conf``."""
    return conf.list_opts(FILES["novncproxy"])
