"""The native stack: every process of ontime on one machine, without Docker, under supervisord."""
