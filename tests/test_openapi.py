"""REST's committed description is the true one."""

import json
from pathlib import Path

from service.api import create_app
from service.config import Settings

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"
PATHS = {
    "/api/v1/health": {"get"},
    "/api/v1/engines": {"get"},
    "/api/v1/scans": {"get", "post"},
    "/api/v1/scans/{scan}": {"get"},
    "/api/v1/scans/{scan}/stop": {"post"},
    "/api/v1/scans/{scan}/abort": {"post"},
    "/api/v1/scans/{scan}/missing": {"get"},
    "/api/v1/scans/{scan}/events": {"get"},
    "/api/v1/scans/{scan}/reconstructions": {"get", "post"},
    "/api/v1/reconstructions/{reconstruction}": {"get", "patch"},
    "/api/v1/reconstructions/{reconstruction}/{action}": {"post"},
    "/api/v1/reconstructions/{reconstruction}/restart": {"post"},
    "/api/v1/reconstructions/{reconstruction}/spec": {"get"},
    "/api/v1/reconstructions/{reconstruction}/metrics": {"get"},
    "/api/v1/reconstructions/{reconstruction}/positions": {"get"},
    "/api/v1/reconstructions/{reconstruction}/result": {"get"},
    "/api/v1/reconstructions/{reconstruction}/moments": {"get"},
    "/api/v1/reconstructions/{reconstruction}/image": {"get"},
    "/api/v1/reconstructions/{reconstruction}/focus": {"get"},
    "/api/v1/reconstructions/{reconstruction}/{name}": {"get"},
    "/api/v1/replays": {"get", "post"},
    "/api/v1/replays/{replay}/stop": {"post"},
    "/api/v1/reconstructions/{reconstruction}/figure": {"get"},
    "/api/v1/reconstructions/{reconstruction}/thumbnail": {"get"},
    "/api/v1/reconstructions/{reconstruction}/metrics.csv": {"get"},
    "/api/v1/service": {"get"},
    "/api/v1/control": {"post"},
    "/api/v1/alarms": {"get"},
    "/api/v1/alarms/acknowledge": {"post"},
    "/api/v1/scans/{scan}/notes": {"post"},
    "/api/v1/presets": {"get"},
    "/metrics": {"get"},
}


def test_committed_description_is_the_true_one() -> None:
    committed = json.loads(DOCUMENT.read_text())
    assert committed == json.loads(json.dumps(create_app(Settings()).openapi())), (
        "REST changed; run `ptycholive openapi > docs/openapi.json`"
    )


def test_paths_that_scripts_rely_on() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == PATHS


def test_everything_has_a_summary_for_people() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    bare = [path for path, methods in paths.items() for each in methods.values() if not each.get("description")]
    assert not bare
