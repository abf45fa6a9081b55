"""One file a scan or result file format; none of them loads torch.

A new format is one new file with a `FORMAT` and one line in `FORMATS`.
"""

from __future__ import annotations

from pathlib import Path

from service.formats import cxi, plain_hdf5
from service.formats.scanfile import Format, ScanFile, ScanFileError, open_hdf5

__all__ = ["FORMATS", "Format", "ScanFile", "ScanFileError", "open_scan"]

FORMATS: tuple[Format, ...] = (plain_hdf5.FORMAT, cxi.FORMAT)
"""Asked in this order."""


def open_scan(path: Path) -> ScanFile:
    """Open a scan, whichever format it has; raises `ScanFileError`. Use it in a `with`, which closes the file."""
    file = open_hdf5(path)
    try:
        for each in FORMATS:
            if each.recognises(file):
                return each.open(path, file)
        needs = "; ".join(f"{each.name} needs {each.needs}" for each in FORMATS)
        raise ScanFileError(f"{path}: no format that is known here: {needs}; found {', '.join(file) or 'nothing'}")
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise ScanFileError(f"{path}: expected a readable file, it is damaged: {error}") from error
        if isinstance(error, ValueError | TypeError | ArithmeticError) and not isinstance(error, ScanFileError):
            raise ScanFileError(f"{path}: a dataset or attribute is not what its name says: {error}") from error
        raise
