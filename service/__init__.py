"""The live service: ingest, recording, worker, REST and WebSocket."""
