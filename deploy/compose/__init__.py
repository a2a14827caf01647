"""The stack on Docker Compose: `python3 -m deploy.compose`, which needs Docker and Python alone."""
