"""What TensorRT-RTX compiled on the first run, kept for the next start.

TensorRT-RTX itself refuses what is of another GPU, driver or version; it then compiles
again, and that is kept instead.
"""

from __future__ import annotations

import logging
from typing import Any

from pssr_live.engines.tensorrt.plan_key import Key
from pssr_live.engines.tensorrt.plans import Plans
from pssr_live.errors import EngineError

log = logging.getLogger(__name__)


class RuntimeCache:
    """The compiled kernels of one plan; nothing with packages that have no cache.

    Parameters
    ----------
    plans : Plans
        Where they are kept.
    key : Key
        What they depend on (`runtime_key`).
    """

    def __init__(self, plans: Plans, key: Key) -> None:
        self._plans, self._key = plans, key
        self._cache: Any = None
        self._saved = b""

    def attach(self, config: Any) -> None:
        """Let contexts that are made from an `IRuntimeConfig` use the cache."""
        if not hasattr(config, "create_runtime_cache"):
            return
        self._cache = config.create_runtime_cache()
        stored = self._plans.load_runtime(self._key).content
        if stored and self._cache.deserialize(stored):
            self._saved = stored
        config.set_runtime_cache(self._cache)

    def save(self) -> None:
        """Keep what was compiled since it was loaded, if anything was."""
        if self._cache is None:
            return
        kernels = self._cache.serialize()
        if kernels is None:  # the GPU is lost
            return
        compiled = bytes(kernels)
        if compiled == self._saved:
            return
        try:
            self._plans.store_runtime(self._key, compiled)
        except EngineError as error:  # costs a few seconds at the next start
            log.warning("%s", error)
            return
        self._saved = compiled

    def close(self) -> None:
        """Keep what was compiled, and let go of it."""
        self.save()
        self._cache = None
