from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from tests.service.harness import Ingest, free_endpoint


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", runtime=tmp_path / "run", ingest=free_endpoint())


@pytest.fixture
def ingest(settings: Settings) -> Iterator[Ingest]:
    ingest = Ingest(settings)
    yield ingest
    ingest.close()
