"""Alarms over time: since when, whether a person has seen them, and what to write into the event log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from service.finding import Finding
from service.statuses import Alarm


class Subject(NamedTuple):
    """What an alarm concerns."""

    scan: str = ""
    reconstruction: str = ""

    def id(self, code: str) -> str:
        """Id of this subject's alarm of a kind."""
        return "/".join(part for part in (self.reconstruction or self.scan, code) if part)


class AlarmEvent(NamedTuple):
    """A line for the event log of the scan that an alarm concerns."""

    scan: str
    author: str
    event: str
    details: dict[str, Any]


@dataclass
class AlarmBook:
    """The alarms there are. An alarm that gets worse wants to be acknowledged anew."""

    alarms: dict[str, Alarm] = field(default_factory=dict)
    _pending: dict[str, int] = field(default_factory=dict)
    """Since when (ns) a finding holds that nobody was told of yet."""

    def update(self, found: Mapping[Subject, list[Finding]], now_ns: int) -> list[AlarmEvent]:
        """Take in everything that is wrong now, for every subject that is looked at; returns what is news.

        The alarms of a subject that is no longer looked at are forgotten without a word.
        """
        wrong = {subject.id(each.code): (subject, each) for subject, all_ in found.items() for each in all_}
        over = [id_ for id_ in self.alarms if id_ not in wrong]
        events = [_event("service", "alarm over", self.alarms[id_]) for id_ in over if self._subject(id_) in found]
        for id_ in over:
            del self.alarms[id_]
        self._pending = {id_: since for id_, since in self._pending.items() if id_ in wrong}
        for id_, (subject, finding) in wrong.items():
            since = self._pending.setdefault(id_, now_ns)
            known = self.alarms.get(id_)
            if known is None and now_ns - since < finding.hold_s * 1e9:
                continue
            alarm = _alarm(id_, subject, finding, since if known is None else known.since_ns)
            worse = known is not None and known.severity == "warning" and finding.severity == "alarm"
            if known is None or worse:
                events.append(_event("service", "alarm", alarm, severity=alarm.severity, advice=alarm.advice))
            else:
                seen = {"acknowledged_by": known.acknowledged_by, "acknowledged_ns": known.acknowledged_ns}
                alarm = alarm.model_copy(update=seen)
            self.alarms[id_] = alarm
        return events

    def acknowledge(self, id_: str, author: str, now_ns: int) -> AlarmEvent:
        """A person has seen it; raises LookupError if there is no such alarm."""
        if id_ not in self.alarms:
            raise LookupError(f"no alarm {id_!r}; it may be over")
        seen = {"acknowledged_by": author, "acknowledged_ns": now_ns}
        self.alarms[id_] = self.alarms[id_].model_copy(update=seen)
        return _event(author, "alarm acknowledged", self.alarms[id_])

    def listed(self) -> tuple[Alarm, ...]:
        """All alarms: unseen before seen, worse before better, newer before older."""

        def key(alarm: Alarm) -> tuple[bool, str, int]:
            return bool(alarm.acknowledged_by), alarm.severity, -alarm.since_ns

        return tuple(sorted(self.alarms.values(), key=key))

    def _subject(self, id_: str) -> Subject:
        return Subject(self.alarms[id_].scan, self.alarms[id_].reconstruction)


def _alarm(id_: str, subject: Subject, finding: Finding, since_ns: int) -> Alarm:
    return Alarm(
        id=id_,
        code=finding.code,
        severity=finding.severity,
        scan=subject.scan,
        reconstruction=subject.reconstruction,
        text=finding.text,
        meaning=finding.meaning,
        advice=finding.advice,
        since_ns=since_ns,
    )


def _event(author: str, event: str, alarm: Alarm, **details: Any) -> AlarmEvent:
    return AlarmEvent(alarm.scan, author, event, {"alarm": alarm.id, "text": alarm.text} | details)
