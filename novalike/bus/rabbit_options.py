"""Our defaults for oslo.messaging's options. What the configuration or the transport's URL says wins.

They are for one thing: to be back soon after a broker was restarted, and not to wait for one that is frozen.
"""

from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts
from oslo_messaging._drivers import amqpdriver, common

GROUP = "oslo_messaging_rabbit"

DEFAULTS: dict[str, Any] = {
    # A connection without a sign of life for 30 s is given up, on either side. 60 s is how long each request would hang
    # on a broker that is frozen or behind a cut cable; with 20 s a machine that is very busy loses connections.
    "heartbeat_timeout_threshold": 30,
    # After a loss: connect again at once, then every second. Pauses that grow to 30 s would outlast a broker's restart.
    "kombu_reconnect_delay": 0.1,
    "rabbit_retry_interval": 1,
    "rabbit_retry_backoff": 0,
    "rabbit_interval_max": 1,
    # Answers to somebody who is gone: for as long as such a queue takes to come back after a broker's restart.
    "kombu_missing_consumer_retry_timeout": 10,
    # Messages on their way to a process in advance. They wait for it when it is slow, and for its connection's end when
    # it is frozen. Without a limit a frozen process would take one half of all there is.
    "rabbit_qos_prefetch_count": 4,
}

# How often, in seconds, a listener looks whether it should stop. oslo.messaging looks 1 ms after each message, then
# after 2, 4, 8 ... ms up to 5 s: for acknowledgements that other threads leave to it, of which RPC has none. Each look
# costs a third of a millisecond, all of them together more than the message.
_LOOK_SECONDS = 0.5


def set_defaults(conf: cfg.ConfigOpts) -> None:
    """Register the driver's options before the driver does, with our defaults."""
    for group, options in opts.list_opts():
        if group == GROUP:
            conf.register_opts(options, group=GROUP)
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)
    amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MIN = amqpdriver.ACK_REQUEUE_EVERY_SECONDS_MAX = _LOOK_SECONDS


def driver_options(conf: cfg.ConfigOpts) -> Any:
    """The driver's options, by name. What the transport's URL says goes before what the configuration says."""
    return common.ConfigOptsProxy(conf, oslo_messaging.TransportURL.parse(conf), GROUP)[GROUP]
