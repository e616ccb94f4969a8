"""Removing cached images that nothing uses any more, now and then."""

import logging
import math
import threading
import time

from oslo_config import cfg

from novalike.objects import errors
from novalike.virt.abilities import CachesImages
from novalike.virt.driver import Driver

LOG = logging.getLogger(__name__)

# Seconds until the first pass, between passes of interval 0, and until a changed interval is noticed.
_MINUTE = 60.0
# Seconds within which hosts that share a file system see what another one has written.
_SHORTEST_AGE = 120


class ImageCachePruner:
    """Prunes the driver's image cache every ``[image_cache] manager_interval`` seconds, if it has one.

    The first pass is a minute after the start: who is restarted again and again still prunes.
    """

    def __init__(self, conf: cfg.ConfigOpts, driver: Driver) -> None:
        self._conf = conf
        self._driver = driver
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image-cache", daemon=True)

    def start(self) -> None:
        """Begin."""
        if isinstance(self._driver, CachesImages):
            self._thread.start()

    def stop(self) -> None:
        """Begin no other pass."""
        self._stopping.set()

    def prune(self) -> None:
        """One pass."""
        options = self._conf.image_cache
        min_age = None
        if options.remove_unused_base_images:
            min_age = max(options.remove_unused_original_minimum_age_seconds, _SHORTEST_AGE)
        try:
            if isinstance(self._driver, CachesImages):
                self._driver.prune_image_cache(min_age)
        except errors.NovalikeError as error:
            LOG.warning("the image cache could not be pruned: %s", error)
        except Exception:
            LOG.exception("the image cache could not be pruned")

    def _run(self) -> None:
        last = time.monotonic() - max(self._conf.image_cache.manager_interval - _MINUTE, 0)
        while not self._stopping.wait(min(self._pause(last), _MINUTE)):
            if not self._pause(last):
                last = time.monotonic()
                self.prune()

    def _pause(self, last: float) -> float:
        """Seconds until the next pass, as options are now."""
        interval = self._conf.image_cache.manager_interval
        return math.inf if interval < 0 else max(last + (interval or _MINUTE) - time.monotonic(), 0)
