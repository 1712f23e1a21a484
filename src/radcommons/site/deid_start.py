"""How a worker process begins: libraries of networks and codecs are imported there, and not by the run itself."""

from __future__ import annotations

from collections.abc import Callable

from radcommons.site.deid_values import Batch, Cleaned, DeidSettings, Surveyed


def start_survey(settings: DeidSettings) -> Callable[[Batch], Surveyed]:
    """Return the function of the first pass (see `platform.pool.Pool`)."""
    from radcommons.site.deid_worker import start_survey as start

    return start(settings)


def start_cleaning(settings: DeidSettings) -> Callable[[Batch], Cleaned]:
    """Return the function of the second pass (see `platform.pool.Pool`)."""
    from radcommons.site.deid_worker import start_cleaning as start

    return start(settings)
