"""The bus that ``[DEFAULT] transport_url`` names."""

from oslo_config import cfg

from novalike.bus.oslo_rpc import OsloTransport
from novalike.bus.rabbit import options
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.bus.transport import Transport


def connect(conf: cfg.ConfigOpts) -> Transport:
    """A transport; it connects when it is used for the first time.

    :raises SystemExit: the URL, or an option that goes with it, can't be used.
    """
    if options.transport_url(conf).transport in options.RABBITMQ:
        return RabbitTransport(conf)
    return OsloTransport(conf)
