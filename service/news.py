"""What changed last of scans and reconstructions, encoded once for all who have not heard of it."""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import cached_property

from service.browser import ReconstructionUpdate, ScanUpdate, encode
from service.statuses import ReconstructionStatus, ScanStatus


class Item:
    """One change of state; another one of the same thing takes its place."""

    def __init__(self, number: int, message: ScanUpdate | ReconstructionUpdate) -> None:
        self.number = number
        """Counts all changes."""
        self._message = message

    @cached_property
    def data(self) -> bytes:
        """The message, ready to be sent."""
        return encode(self._message)


class News:
    """The last change of each scan and of each reconstruction, the newest last."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest one."""
        self._items: OrderedDict[str, Item] = OrderedDict()

    def scan(self, status: ScanStatus) -> None:
        """A scan changed."""
        self._add(f"scan {status.id}", ScanUpdate(now_ns=time.time_ns(), scan=status))

    def reconstruction(self, status: ReconstructionStatus) -> None:
        """A reconstruction changed."""
        update = ReconstructionUpdate(now_ns=time.time_ns(), reconstruction=status)
        self._add(f"reconstruction {status.id}", update)

    def since(self, number: int) -> list[Item]:
        """What changed after the change of this number, oldest first."""
        new: list[Item] = []
        for item in reversed(self._items.values()):
            if item.number <= number:
                break
            new.append(item)
        return new[::-1]

    def _add(self, name: str, message: ScanUpdate | ReconstructionUpdate) -> None:
        self.number += 1
        self._items[name] = Item(self.number, message)
        self._items.move_to_end(name)
