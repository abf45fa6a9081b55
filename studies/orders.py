"""Orders in which the positions of a scan may come, as Weber et al., Microsc. Microanal. 30 (2024) 103 compare them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from engines.simulate import raster

Order = Literal["line", "snake", "random", "spirangle", "fermat"]
JITTER = 0.3
"""Positions of a raster lie off their places by up to this share of a step, so that the raster leaves no trace."""
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def jittered_raster(side: int, step_px: float, seed: int) -> Float[ndarray, "frame 2"]:
    """A square raster in line order, its positions moved at random."""
    moved = np.random.default_rng(seed).uniform(-JITTER, JITTER, (side * side, 2)) * step_px
    positions: Float[ndarray, "frame 2"] = raster(side, side, step_px) + moved
    return positions


def fermat(count: int, step_px: float) -> Float[ndarray, "frame 2"]:
    """Fermat's spiral from the centre out, as dense as a raster of this step (Huang et al., Opt. Express 22 (2014))."""
    number = np.arange(count) + 0.5
    radius, angle = step_px * np.sqrt(number / np.pi), GOLDEN_ANGLE * number
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def ordered(order: Order, side: int, seed: int) -> Int[ndarray, frame]:
    """Which place of a square raster, counted line by line, comes when."""
    places = np.arange(side * side).reshape(side, side)
    match order:
        case "line" | "fermat":
            return places.ravel()
        case "snake":
            places[1::2] = places[1::2, ::-1]
            return places.ravel()
        case "random":
            return np.random.default_rng(seed).permutation(side * side)
        case "spirangle":
            turns = []
            while places.size:
                turns.append(places[0])
                places = np.rot90(places[1:])
            return np.concatenate(turns)
