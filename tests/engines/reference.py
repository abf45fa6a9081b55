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


def raar(
    object: np.ndarray, probe: np.ndarray, magnitudes: np.ndarray, corners: np.ndarray, iterations: int, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """One round of object and probe an iteration, no inertia."""
    object, probe = object.astype(complex), probe.astype(complex)
    y, x = probe.shape[1:]
    views = [(slice(r, r + y), slice(c, c + x)) for r, c in corners]
    psi = [probe * object[view] for view in views]
    for iteration in range(1, iterations + 1):
        for j, view in enumerate(views):
            reflected = 2 * probe * object[view] - psi[j]
            turned = 2 * ifft2(project(fft2(reflected), magnitudes[j])) - reflected
            psi[j] = beta / 2 * (turned + psi[j]) + (1 - beta) * probe * object[view]
        numerator, denominator = np.zeros(object.shape, complex), np.zeros(object.shape)
        for view, wave in zip(views, psi, strict=True):
            numerator[view] += (np.conj(probe) * wave).sum(axis=0)
            denominator[view] += (np.abs(probe) ** 2).sum(axis=0)
        object = np.where(denominator > 0, numerator / np.maximum(denominator, 1e-300), 1)
        if iteration >= 2:
            overlap = sum(np.conj(object[view]) * wave for view, wave in zip(views, psi, strict=True))
            probe = overlap / sum(np.abs(object[view]) ** 2 for view in views)
    return object, probe


def lsqml(
    object: np.ndarray,
    probe: np.ndarray,
    magnitudes: np.ndarray,
    corners: np.ndarray,
    damping: float,
    relaxation: float,
) -> tuple[np.ndarray, np.ndarray]:
    """One batch of all frames, with the probe; the two steps of each frame by a library's least squares."""
    object, probe = object.astype(complex), probe.astype(complex)
    y, x = probe.shape[1:]
    views = [(slice(r, r + y), slice(c, c + x)) for r, c in corners]
    differences = [
        ifft2(project(fft2(probe * object[view]), m)) - probe * object[view]
        for view, m in zip(views, magnitudes, strict=True)
    ]
    light, along_object = np.zeros(object.shape), np.zeros(object.shape, complex)
    for view, d in zip(views, differences, strict=True):
        light[view] += (np.abs(probe) ** 2).sum(axis=0)
        along_object[view] += (np.conj(probe) * d).sum(axis=0)
    along_object /= light + damping * light.max()
    passed = sum(np.abs(object[view]) ** 2 for view in views)
    along_probe = sum(np.conj(object[view]) * d for view, d in zip(views, differences, strict=True))
    along_probe = along_probe / (passed + damping * passed.max())
    weight, steps = np.zeros(object.shape), []
    for view, d in zip(views, differences, strict=True):
        columns = np.stack([(along_object[view] * probe).ravel(), (along_probe * object[view]).ravel()], axis=1)
        real = np.concatenate([columns.real, columns.imag])
        a, b = np.linalg.lstsq(real, np.concatenate([d.ravel().real, d.ravel().imag]), rcond=None)[0]
        weight[view] += max(a, 0) * (np.abs(probe) ** 2).sum(axis=0)
        steps.append(max(b, 0))
    object = object + relaxation * along_object * np.where(light > 0, weight / np.maximum(light, 1e-300), 0)
    return object, probe + relaxation * np.mean(steps) * along_probe


def likelihood(
    object: np.ndarray, probe: np.ndarray, magnitudes: np.ndarray, corners: np.ndarray, noise: str, variance: float
) -> float:
    """Negative logarithm, trusted pixels only."""
    y, x = probe.shape[1:]
    total = 0.0
    for m, (r, c) in zip(magnitudes, corners, strict=True):
        model = (np.abs(fft2(probe * object[r : r + y, c : c + x])) ** 2).sum(axis=0)[m >= 0] + variance
        counts = m[m >= 0] ** 2 + variance
        total += (
            (model - counts * np.log(model)).sum() if noise == "poisson" else ((model - counts) ** 2 / 2 / counts).sum()
        )
    return float(total)


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
