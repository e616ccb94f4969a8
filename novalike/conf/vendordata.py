"""[api]: what the operator tells all guests (vendor data). Read by the metadata service and by computes."""

import json
from pathlib import Path
from typing import Any

from oslo_config import cfg

GROUP = cfg.OptGroup("api", title="REST API")
OPTS = [
    cfg.ListOpt(
        "vendordata_providers",
        default=["StaticJSON"],
        item_type=cfg.types.String(choices=["StaticJSON"]),
        help="Where guests' vendor data come from. StaticJSON: the file vendordata_jsonfile_path.",
    ),
    cfg.StrOpt(
        "vendordata_jsonfile_path",
        help="A file with a JSON object that all guests get as vendor_data.json. Unset is an empty object.",
    ),
]


def read_vendor_data(conf: cfg.ConfigOpts) -> dict[str, Any] | None:
    """The operator's document for all guests; None when it isn't offered.

    :raises ValueError: the file isn't there or has no JSON object.
    """
    if "StaticJSON" not in conf.api.vendordata_providers:
        return None
    path = conf.api.vendordata_jsonfile_path
    if not path:
        return {}
    try:
        data = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"[api] vendordata_jsonfile_path: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"[api] vendordata_jsonfile_path: {path} has no JSON object")
    return data
