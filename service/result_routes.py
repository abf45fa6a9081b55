"""REST for what a reconstruction has found: curve, positions, result file, object and probe."""

from __future__ import annotations

import asyncio
import io
import math
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import FileResponse
from numpy.typing import NDArray
from pydantic import BaseModel

from service.hub import Hub
from service.pictures import Quantity, png
from service.snapshot import Snapshot
from service.tables import METRIC_COLUMNS


class MetricsTable(BaseModel):
    """All rows of a reconstruction's metrics."""

    columns: tuple[str, ...]
    rows: list[list[float | None]]


def result_routes(hub: Hub) -> APIRouter:
    """Curve, positions and result file."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])

    @router.get("/{reconstruction}/metrics")
    async def metrics(reconstruction: str) -> MetricsTable:
        """The whole convergence curve; what is not a number reads null."""
        rows = hub.table(hub.reconstruction(reconstruction).id, "metrics", 0).tolist()
        clean = [[value if math.isfinite(value) else None for value in row] for row in rows]
        return MetricsTable(columns=METRIC_COLUMNS, rows=clean)

    @router.get("/{reconstruction}/positions", response_class=Response)
    async def positions(reconstruction: str) -> Response:
        """Where each frame's window lies now, refined if positions are: (frame, 3) float64 as npy, each row the frame's
        index and the window's centre (row, col) in pixels of the object.
        """
        taken = await latest(hub, reconstruction)
        return npy_response(taken.positions, f"{reconstruction}-positions")

    @router.get("/{reconstruction}/result", response_class=FileResponse)
    async def result(reconstruction: str) -> FileResponse:
        """The result file (CXI), once it is written."""
        path = hub.folder(reconstruction) / "result.cxi"
        if not path.is_file():
            state = hub.reconstruction(reconstruction).state
            raise HTTPException(409, f"reconstruction {reconstruction} is {state} and has no result yet")
        return FileResponse(path, media_type="application/x-hdf5", filename=f"{reconstruction}.cxi")

    return router


def array_routes(hub: Hub) -> APIRouter:
    """Object and probe, as arrays and as pictures."""
    router = APIRouter(prefix="/reconstructions", tags=["reconstructions"])

    @router.get("/{reconstruction}/{name}", response_class=Response)
    async def array(
        reconstruction: str,
        name: Literal["object", "probe"],
        file_format: Annotated[Literal["npy", "png"], Query(alias="format")] = "npy",
        quantity: Quantity = "phase",
    ) -> Response:
        """Object (row, col) or probe (mode, y, x), complex64 as npy, or as a picture."""
        taken = await latest(hub, reconstruction)
        return array_response(taken, name, file_format, quantity, f"{reconstruction}-{name}")

    return router


async def latest(hub: Hub, reconstruction: str) -> Snapshot:
    """The latest snapshot; raises LookupError, or HTTPException before the first."""
    hub.reconstruction(reconstruction)
    snapshot = await asyncio.to_thread(hub.snapshot, reconstruction)
    if snapshot is None:
        raise HTTPException(409, f"reconstruction {reconstruction} has no picture yet")
    return snapshot


def array_response(
    snapshot: Snapshot,
    name: Literal["object", "probe"],
    file_format: Literal["npy", "png"],
    quantity: Quantity,
    stem: str,
) -> Response:
    """Object or probe of a snapshot as a file."""
    if file_format == "npy":
        return npy_response(snapshot.object if name == "object" else snapshot.probe, stem)
    field = snapshot.object[None] if name == "object" else snapshot.probe
    covered = snapshot.covered[None] if name == "object" else np.ones(field.shape, bool)
    headers = {"Content-Disposition": f'inline; filename="{stem}.png"'}
    return Response(png(field, covered, quantity), media_type="image/png", headers=headers)


def npy_response(array: NDArray[Any], stem: str) -> Response:
    """An array as a file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    headers = {"Content-Disposition": f'inline; filename="{stem}.npy"'}
    return Response(buffer.getvalue(), media_type="application/octet-stream", headers=headers)
