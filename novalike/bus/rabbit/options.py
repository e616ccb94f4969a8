"""oslo.messaging's options, with our defaults. What the configuration or the transport's URL says wins.

Our defaults are for one thing: to be back soon after a broker was restarted, and not to wait for one that is frozen.
"""

import os
from types import SimpleNamespace
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts

GROUP = "oslo_messaging_rabbit"
RABBITMQ = ("rabbit", "kombu")
"""What a transport URL of a RabbitMQ begins with."""

DEFAULTS: dict[str, Any] = {
    # A connection without a sign of life for 30 s is given up, on either side. 60 s is how long each request would hang
    # on a broker that is frozen or behind a cut cable; with 20 s a machine that is very busy loses connections.
    "heartbeat_timeout_threshold": 30,
    # The others are for oslo.messaging's own connections (``bus.oslo_rpc``).
    # After a loss: connect again at once, then every second. Pauses that grow to 30 s would outlast a broker's restart.
    "kombu_reconnect_delay": 0.1,
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 0,
    "rabbit_interval_max": 1,
    # Answers to somebody who is gone: for as long as such a queue takes to come back after a broker's restart.
    "kombu_missing_consumer_retry_timeout": 10,
    # Messages on their way to a process in advance.
    "rabbit_qos_prefetch_count": 4,
}

_FILES = ("ssl_ca_file", "ssl_cert_file", "ssl_key_file")


def set_defaults(conf: cfg.ConfigOpts) -> None:
    """Register oslo.messaging's options for RPC before it does, with our defaults."""
    for group, options in opts.list_opts():
        if group in (None, GROUP):
            conf.register_opts(options, group=group)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)


def transport_url(conf: cfg.ConfigOpts) -> oslo_messaging.TransportURL:
    """``[DEFAULT] transport_url``.

    :raises SystemExit: it is no such URL.
    """
    try:
        return oslo_messaging.TransportURL.parse(conf)
    except (oslo_messaging.InvalidTransportURL, ValueError) as error:
        raise SystemExit(f"[DEFAULT] transport_url: {error}") from error


def driver_options(conf: cfg.ConfigOpts) -> Any:
    """The options of ``[oslo_messaging_rabbit]``, by name. What the transport's URL says goes before them.

    :raises SystemExit: one of them can't be used.
    """
    query = dict(transport_url(conf).query)
    values: dict[str, Any] = {}
    for group, options in opts.list_opts():
        for option in options if group == GROUP else ():
            values[option.dest] = conf[GROUP][option.dest]
            if option.dest in query:
                said = query.pop(option.dest)
                try:
                    values[option.dest] = option.type(said)
                except ValueError as error:
                    raise SystemExit(f"[DEFAULT] transport_url: {option.dest}={said}: {error}") from error
    if query:
        raise SystemExit(f"[DEFAULT] transport_url: [{GROUP}] has no option {', '.join(sorted(query))}")
    for name in _FILES:
        if values["ssl"] and values[name] and not os.access(values[name], os.R_OK):
            raise SystemExit(f"[{GROUP}] {name}: {values[name]} can't be read")
    return SimpleNamespace(**values)
