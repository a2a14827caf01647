"""The stack of docker-compose.yml on several machines: Docker Swarm."""
