"""[DEFAULT]: what every daemon shares."""

import socket

from oslo_config import cfg
from oslo_utils import netutils

GROUP = None
OPTS = [
    cfg.StrOpt(
        "host",
        default=socket.gethostname(),
        sample_default="<current_hostname>",
        regex=r"^\S+$",
        help="Name of this host in the cloud: of the compute service, of its resource provider's owner and of "
        "Neutron's port bindings. Must be unique among the compute hosts, and must not change afterwards.",
    ),
    cfg.HostAddressOpt(
        "my_ip",
        default=netutils.get_my_ipv4(),
        sample_default="<host_ipv4>",
        help="Address of this host that other hosts use to reach it.",
    ),
    cfg.StrOpt(
        "state_path",
        default="/var/lib/novalike",
        help="Folder below which everything that must survive a restart is written.",
    ),
    cfg.IntOpt(
        "report_interval",
        default=10,
        min=1,
        help="Seconds between two signs of life of a daemon.",
    ),
    cfg.IntOpt(
        "service_down_time",
        default=60,
        min=2,
        help="Seconds without a sign of life after which a daemon counts as down. At least three times "
        "report_interval is sensible.",
    ),
    cfg.IntOpt(
        "graceful_shutdown_timeout",
        default=60,
        min=0,
        help="Seconds that a daemon told to stop (SIGTERM) may take to finish what it is doing. 0 is for ever.",
    ),
    cfg.FloatOpt(
        "rpc_try_timeout",
        default=5.0,
        min=0.5,
        help="Seconds after which a question to another daemon that may be repeated (all reads are such) is asked "
        "again, so that another process answers when the first one has died with it. The third and later tries take "
        "twice as long as the one before. When transport_url names several hosts it is 2 seconds at most: a broker's "
        "node that dies takes questions with it.",
    ),
    cfg.FloatOpt(
        "rpc_read_timeout",
        default=20.0,
        min=1.0,
        help="Seconds that such a question may take in all; then the API answers 503. What changes something is asked "
        "once, and waited for during rpc_response_timeout.",
    ),
    cfg.StrOpt(
        "health_dir",
        default="$state_path/health",
        help="Folder of the unix sockets on which daemons answer ``novalike-status health``.",
    ),
    cfg.StrOpt(
        "default_availability_zone",
        default="nova",
        help="Availability zone of hosts that are in no aggregate that names one.",
    ),
    cfg.StrOpt(
        "default_schedule_zone",
        help="Availability zone of servers whose users did not ask for one. Unset is \"any\".",
    ),
    cfg.StrOpt(
        "internal_service_availability_zone",
        default="internal",
        help="Availability zone that daemons other than compute are shown in.",
    ),
]
