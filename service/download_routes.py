"""REST for what people take away or see in lists: figure, thumbnail, metrics as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import OrderedDict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response

from service.figure import figure_png
from service.hub import Hub
from service.pictures import Quantity, png, shrink
from service.result_routes import latest
from service.snapshot import Snapshot
from service.tables import METRIC_COLUMNS

THUMBNAIL_PX = 96
KEPT_THUMBNAILS = 500


class Thumbnails:
    """Small pictures of objects, kept by reconstruction and snapshot, so that a long list costs little."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    def picture(self, reconstruction: str, snapshots: int, folder: Path, live: Snapshot | None) -> bytes | None:
        """The picture of the latest snapshot, which may be on disk; None where there is none."""
        known = self._kept.get(reconstruction)
        if known is not None and known[0] == snapshots:
            return known[1]
        try:
            snapshot = live or Snapshot.load(folder / "checkpoint.h5")
        except (OSError, KeyError):
            return None
        field, covered = snapshot.object[None], snapshot.covered[None]
        step = max(1, -(-max(field.shape[-2:]) // THUMBNAIL_PX))
        made = png(shrink(field, step), shrink(covered, step) > 0.5, "phase")
        self._kept[reconstruction] = snapshots, made
        self._kept.move_to_end(reconstruction)
        while len(self._kept) > KEPT_THUMBNAILS:
            self._kept.popitem(last=False)
        return made


def download_routes(hub: Hub) -> APIRouter:
    """Figure, thumbnail, metrics as CSV."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])
    thumbnails = Thumbnails()

    @router.get("/{reconstruction}/figure", response_class=Response)
    async def figure(reconstruction: str, quantity: Annotated[Quantity, Query()] = "phase") -> Response:
        """A figure for the logbook (PNG): object and probe with colour bar, scale bar and what they are of."""
        status = hub.reconstruction(reconstruction)
        snapshot = await latest(hub, reconstruction)
        key = hub.scan(status.scan).key
        made = await asyncio.to_thread(figure_png, snapshot, status, quantity, key)
        return _file(made, "image/png", f"{reconstruction}-{quantity}.png")

    @router.get("/{reconstruction}/thumbnail", response_class=Response)
    async def thumbnail(reconstruction: str) -> Response:
        """The object's phase, small, as a picture for lists."""
        status = hub.reconstruction(reconstruction)
        live = hub.latest(reconstruction)
        folder = hub.folder(reconstruction)
        made = await asyncio.to_thread(thumbnails.picture, reconstruction, status.snapshot, folder, live)
        if made is None:
            raise HTTPException(404, f"reconstruction {reconstruction} has no picture yet")
        return Response(made, media_type="image/png", headers={"Cache-Control": "max-age=60"})

    @router.get("/{reconstruction}/metrics.csv", response_class=Response)
    async def metrics(reconstruction: str) -> Response:
        """The whole convergence curve as CSV; what was not computed is empty."""
        rows = hub.table(hub.reconstruction(reconstruction).id, "metrics", 0).tolist()
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(METRIC_COLUMNS)
        writer.writerows([["" if value != value else f"{value:.9g}" for value in row] for row in rows])
        return _file(text.getvalue().encode(), "text/csv", f"{reconstruction}-metrics.csv")

    return router


def _file(content: bytes, media: str, name: str) -> Response:
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
