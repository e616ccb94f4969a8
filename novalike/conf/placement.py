"""[placement]: inventory and claims."""

from oslo_config import cfg

GROUP = cfg.OptGroup("placement", title="Placement service")
SESSION = True
SERVICE_TYPE = "placement"
OPTS: list[cfg.Opt] = []
