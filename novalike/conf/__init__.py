"""All options of novalike: one file per group; a group's and an option's name is Nova's where Nova has it.

Each file has ``GROUP`` (an ``OptGroup`` or None for ``[DEFAULT]``) and ``OPTS``; files of services that we
talk to also have ``SESSION = True``, which adds keystoneauth's session, auth and adapter options.
"""

import importlib
import logging
import pkgutil
import sys
from collections.abc import Collection
from types import ModuleType
from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_log import log

CONF = cfg.CONF


def _modules() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]


def register(conf: cfg.ConfigOpts = CONF) -> None:
    """Register every group on ``conf``."""
    for module in _modules():
        name: Any = module.GROUP.name if module.GROUP else None
        if module.GROUP:
            # A copy: a group keeps its values itself, and tests have several configurations in a process.
            conf.register_group(cfg.OptGroup(name, title=module.GROUP.title, help=module.GROUP.help))
        conf.register_opts(module.OPTS, group=name)
        if getattr(module, "SESSION", False):
            loading.register_session_conf_options(conf, name)
            loading.register_auth_conf_options(conf, name)
            loading.register_adapter_conf_options(conf, name)
            conf.set_default("service_type", module.SERVICE_TYPE, group=name)
            conf.set_default("valid_interfaces", ["internal", "public"], group=name)


def list_opts(files: Collection[str] | None = None) -> list[tuple[Any, list[cfg.Opt]]]:
    """For oslo-config-generator.

    :param files: the files of this package whose options are wanted; None is all.
    """
    listed: list[tuple[Any, list[cfg.Opt]]] = []
    for module in _modules():
        if files is not None and module.__name__.rpartition(".")[2] not in files:
            continue
        opts = list(module.OPTS)
        if getattr(module, "SESSION", False):
            opts += loading.get_session_conf_options()
            opts += loading.get_auth_common_conf_options()
            opts += loading.get_auth_plugin_conf_options("password")
            opts += loading.get_adapter_conf_options()
        listed.append((module.GROUP or "DEFAULT", opts))
    return listed


def set_library_defaults() -> None:
    """Our defaults for options that libraries register."""
    log.set_defaults(
        default_log_levels=[
            "amqp=WARN", "amqplib=WARN", "eventlet.wsgi.server=WARN", "keystoneauth=WARN",
            "keystonemiddleware=WARN", "oslo_messaging=WARN", "oslo_policy=WARN", "requests=WARN",
            "sqlalchemy=WARN", "stevedore=WARN", "urllib3=WARN", "websocket=WARN", "alembic=WARN",
        ],  # fmt: skip
    )


def load(prog: str, argv: list[str] | None = None, conf: cfg.ConfigOpts = CONF) -> cfg.ConfigOpts:
    """Read the configuration of a daemon and set up its logging.

    Looks for ``novalike.conf`` and ``<prog>.conf`` in ``~/.novalike`` and ``/etc/novalike``, unless
    ``--config-file`` or ``--config-dir`` say otherwise.

    :raises SystemExit: an option has a value that can't be; the message names it.
    """
    project = "novalike"
    register(conf)
    log.register_options(conf)
    set_library_defaults()
    try:
        conf(
            sys.argv[1:] if argv is None else argv,
            project=project,
            prog=prog,
            default_config_files=cfg.find_config_files(project, prog) if argv is None else None,
        )
        _check_values(conf)
    except (cfg.ConfigFilesNotFoundError, cfg.ConfigFileParseError, cfg.ConfigFileValueError, ValueError) as e:
        raise SystemExit(f"{prog}: configuration: {e}") from e
    log.setup(conf, project)
    logging.captureWarnings(True)
    return conf


def _check_values(conf: cfg.ConfigOpts) -> None:
    """Read every option of ours once, so that a wrong value stops the daemon now, not in an hour."""
    for module in _modules():
        group = conf[module.GROUP.name] if module.GROUP else conf
        for opt in module.OPTS:
            getattr(group, opt.dest)
