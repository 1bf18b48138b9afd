"""The hub's figures as text for Prometheus; the API gateway serves it at `/metrics`."""

from hub.api import Plugin, service
from plugins.metrics.exposition import exposition
from plugins.metrics.table import METRICS, Figures


class Metrics(Plugin):
    """Counts nothing itself: it tells what the hub has counted."""

    @service
    async def text(self) -> str:
        """Every metric in Prometheus' text format 0.0.4."""
        call = self.ctx.services.call
        return exposition(METRICS, Figures(await call("hub.status"), await call("hub.statistics")))
