"""What talks to the service: the Python client, the replay and the dashboard."""
