"""Where the message bus is: what operators' tools need to know of transport URLs."""

import oslo_messaging
from oslo_config import cfg


def configured(conf: cfg.ConfigOpts) -> str | None:
    """``[DEFAULT] transport_url``, or None when it isn't set."""
    oslo_messaging.TransportURL.parse(conf, "none:///")  # registers the option
    url: str = conf.transport_url
    return None if url == "rabbit://" else url


def is_valid(conf: cfg.ConfigOpts, url: str) -> bool:
    """Whether this can be the URL of a message bus."""
    try:
        return oslo_messaging.TransportURL.parse(conf, url).transport in ("rabbit", "kombu", "fake", "none")
    except (oslo_messaging.InvalidTransportURL, ValueError):
        return False
