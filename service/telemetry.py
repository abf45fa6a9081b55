"""Numbers for Prometheus, read off the hub when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.guard import Guard
from service.hub import Hub
from service.states import RECONSTRUCTION_OVER, SCAN_OVER


def prometheus_text(hub: Hub, guard: Guard) -> str:
    """The exposition text."""
    registry = CollectorRegistry()
    registry.register(HubCollector(hub, guard))
    return generate_latest(registry).decode()


class HubCollector(Collector):
    """Live scans and reconstructions as metric families; those that are over are left out."""

    def __init__(self, hub: Hub, guard: Guard) -> None:
        self._hub = hub
        self._guard = guard

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        up = GaugeMetricFamily("ptycholive_up", "Whether a process answers", labels=["process"])
        for process, alive in self._hub.alive.items():
            up.add_metric([process], alive)
        yield up
        yield from self._machine()
        yield from self._pictures()
        yield from self._alarms()
        yield from self._scans()
        yield from self._reconstructions()

    def _machine(self) -> Iterator[Metric]:
        for name, text in (
            ("memory_bytes", "Memory of the device"),
            ("memory_free_bytes", "Memory of the device that nobody uses"),
            ("disk_bytes", "Disk of the data folder"),
            ("disk_free_bytes", "Disk of the data folder that is free"),
            ("viewers", "Browsers connected"),
        ):
            family = GaugeMetricFamily(f"ptycholive_{name}", text)
            family.add_metric([], getattr(self._guard.service, name))
            yield family

    def _pictures(self) -> Iterator[Metric]:
        show = self._hub.show
        for name, value, text in (
            ("made", show.made, "Pictures and scan maps made, each once for all who look at it"),
            ("sent", show.sent, "Pictures and scan maps sent to browsers"),
        ):
            family = CounterMetricFamily(f"ptycholive_pictures_{name}", text)
            family.add_metric([], value)
            yield family

    def _alarms(self) -> Iterator[Metric]:
        """1 for each alarm, 0 once a person has seen it, gone when it is over."""
        labels = ["code", "severity", "scan", "reconstruction"]
        family = GaugeMetricFamily("ptycholive_alarm", "What is wrong; 0 where a person has seen it", labels=labels)
        for alarm in self._guard.alarms:
            subject = [alarm.code, alarm.severity, alarm.scan, alarm.reconstruction]
            family.add_metric(subject, not alarm.acknowledged_by)
        yield family

    def _scans(self) -> Iterator[Metric]:
        live = [scan for scan in self._hub.scans.values() if scan.state not in SCAN_OVER]
        for name in ("received", "positions", "paired", "lost", "duplicated", "refused"):
            family = CounterMetricFamily(f"ptycholive_scan_{name}", f"Rows {name}", labels=["scan"])
            for scan in live:
                family.add_metric([scan.id], getattr(scan, name))
            yield family
        rate = GaugeMetricFamily("ptycholive_scan_frame_rate_hz", "Frames received a second", labels=["scan"])
        for scan in live:
            rate.add_metric([scan.id], scan.frame_rate_hz)
        yield rate

    def _reconstructions(self) -> Iterator[Metric]:
        live = [each for each in self._hub.reconstructions.values() if each.state not in RECONSTRUCTION_OVER]
        for name in (
            "iteration",
            "frames",
            "lag",
            "without_beam",
            "iteration_rate_hz",
            "frame_rate_hz",
            "memory_bytes",
        ):
            family = GaugeMetricFamily(
                f"ptycholive_reconstruction_{name}", f"A reconstruction's {name}", labels=["reconstruction"]
            )
            for status in live:
                family.add_metric([status.id], getattr(status, name))
            yield family
        error = GaugeMetricFamily(
            "ptycholive_reconstruction_error", "Relative amplitude error", labels=["reconstruction"]
        )
        for status in live:
            if status.error is not None:
                error.add_metric([status.id], status.error)
        yield error
