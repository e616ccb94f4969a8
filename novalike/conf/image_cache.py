"""[image_cache]: the base images that a compute host keeps."""

from oslo_config import cfg

GROUP = cfg.OptGroup("image_cache", title="The image cache of compute hosts")
OPTS = [
    cfg.IntOpt(
        "manager_interval",
        default=2400,
        min=-1,
        help="Seconds between two passes over the image cache, each of which removes what interrupted downloads left "
        "and, unless that is switched off, unused images. -1 is never; 0 is every 60 seconds. A pass reads the "
        "folders of all guests, twice when it finds something to remove: where many hosts share them, make it "
        "longer, or switch it off on all hosts but one.",
    ),
    cfg.StrOpt(
        "subdirectory_name",
        default="_base",
        # Not longer: it can't be taken for an instance's folder.
        regex=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}$",
        help="The cache's folder, below the folder of guests (instances, below state_path): a name, no path. When it "
        "is changed, disks go on using what is in the old folder, which is never pruned again. Hosts that share the "
        "folder of guests need the same name.",
    ),
    cfg.BoolOpt(
        "remove_unused_base_images",
        default=True,
        help="Remove images (also kernels and ramdisks) from the cache that no disk uses. Otherwise only what "
        "interrupted downloads left is removed.",
    ),
    cfg.IntOpt(
        "remove_unused_original_minimum_age_seconds",
        default=24 * 3600,
        min=0,
        help="Seconds for which an image is kept after it was last used, for the next server from it; at least 120 "
        "are waited, because on a shared file system it may be seen late what other hosts do. The last use is when a "
        "disk was made from it, or when a pass found a disk that is laid over it.",
    ),
]
