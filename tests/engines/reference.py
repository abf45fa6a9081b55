"""Plain float64 numpy, frame by frame and word by word as the equations stand: what the engines are held against."""

from __future__ import annotations

import numpy as np


def fft2(wave: np.ndarray) -> np.ndarray:
    return np.fft.fft2(wave, norm="ortho")


def ifft2(wave: np.ndarray) -> np.ndarray:
    return np.fft.ifft2(wave, norm="ortho")


def project(wave: np.ndarray, magnitudes: np.ndarray) -> np.ndarray:
    """wave: (mode, y, x) in Fourier space."""
    modulus = np.sqrt((np.abs(wave) ** 2).sum(axis=0))
    return np.where(magnitudes < 0, 1, magnitudes / modulus) * wave


def misfit(models: list[np.ndarray], magnitudes: np.ndarray) -> tuple[float, float]:
    """Relative amplitude error and R-factor of waves in Fourier space."""
    squares = distance = counts = measured = 0.0
    for wave, m in zip(models, magnitudes, strict=True):
        trusted = m >= 0
        difference = (np.sqrt((np.abs(wave) ** 2).sum(axis=0)) - m)[trusted]
        squares += (difference**2).sum()
        distance += np.abs(difference).sum()
        counts += (m[trusted] ** 2).sum()
        measured += m[trusted].sum()
    return float(np.sqrt(squares / counts)), float(distance / measured)


def dm(
    object: np.ndarray,
    probe: np.ndarray,
    magnitudes: np.ndarray,
    corners: np.ndarray,
    iterations: int,
    alpha: float = 0.8,
    object_inertia: float = 1e-4,
    probe_inertia: float = 1e-9,
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    object, probe = object.astype(complex), probe.astype(complex)
    y, x = probe.shape[1:]
    views = [(slice(r, r + y), slice(c, c + x)) for r, c in corners]
    psi = [probe * object[view] for view in views]
    c = object_inertia * (np.clip(magnitudes, 0, None) ** 2).sum() / len(views) / (y * x)
    d = probe_inertia * len(views)
    errors = []
    for iteration in range(1, iterations + 1):
        errors.append(misfit([fft2(probe * object[view]) for view in views], magnitudes))
        for j, view in enumerate(views):
            po = probe * object[view]
            f = fft2((1 + alpha) * po - alpha * psi[j])
            psi[j] = alpha * (psi[j] - po) + ifft2(project(f, magnitudes[j]))
        for _ in range(10):
            numerator, denominator = c * object, np.full(object.shape, c)
            for view, wave in zip(views, psi, strict=True):
                numerator[view] += (np.conj(probe) * wave).sum(axis=0)
                denominator[view] += (np.abs(probe) ** 2).sum(axis=0)
            object = numerator / denominator
            if iteration < 2:
                break
            before = probe
            numerator, denominator = d * probe, np.full((y, x), d)
            for view, wave in zip(views, psi, strict=True):
                numerator = numerator + np.conj(object[view]) * wave
                denominator = denominator + np.abs(object[view]) ** 2
            probe = numerator / denominator
            if np.linalg.norm(probe - before) / np.linalg.norm(probe) < 0.05:
                break
    return object, probe, errors


def rpie(
    object: np.ndarray,
    probe: np.ndarray,
    magnitudes: np.ndarray,
    corners: np.ndarray,
    iterations: int,
    regularisation: tuple[float, float],
    steps: tuple[float, float],
    batch: int = 1,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    object, probe = object.astype(complex), probe.astype(complex)
    y, x = probe.shape[1:]
    errors = []
    for iteration in range(1, iterations + 1):
        order = np.random.default_rng((seed, iteration)).permutation(len(corners))
        seen = []
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            shape = object.shape
            sums = [np.zeros(shape, complex), np.zeros(shape), np.zeros(probe.shape, complex), np.zeros((y, x))]
            for j in chosen:
                view = slice(corners[j][0], corners[j][0] + y), slice(corners[j][1], corners[j][1] + x)
                model = fft2(probe * object[view])
                seen.append((j, model))
                difference = ifft2(project(model, magnitudes[j])) - probe * object[view]
                sums[0][view] += (np.conj(probe) * difference).sum(axis=0)
                sums[1][view] += (np.abs(probe) ** 2).sum(axis=0)
                sums[2] += np.conj(object[view]) * difference
                sums[3] += np.abs(object[view]) ** 2
            (a, b), (object_step, probe_step) = regularisation, steps
            object = object + object_step * sums[0] / ((1 - a) * sums[1] + a * sums[1].max())
            if iteration >= 2:
                probe = probe + probe_step * sums[2] / ((1 - b) * sums[3] + b * sums[3].max())
        errors.append(misfit([model for _, model in seen], magnitudes[[j for j, _ in seen]]))
    return object, probe, errors
