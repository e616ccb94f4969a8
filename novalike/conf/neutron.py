"""[neutron]: networks."""

from oslo_config import cfg

GROUP = cfg.OptGroup("neutron", title="Network service")
SESSION = True
SERVICE_TYPE = "network"
OPTS = [
    cfg.BoolOpt(
        "service_metadata_proxy",
        default=False,
        help="Whether requests to the metadata service come through Neutron's proxy, which says whose they are "
        "in headers and signs them.",
    ),
    cfg.StrOpt(
        "metadata_proxy_shared_secret",
        default="",
        secret=True,
        help="The secret with which Neutron's proxy signs: the same as in its configuration.",
    ),
    cfg.StrOpt("ovs_bridge", default="br-int", help="Open vSwitch bridge, when a port doesn't name one."),
    cfg.IntOpt("http_retries", default=3, min=0, help="Times that a failed request to Neutron is repeated."),
]
