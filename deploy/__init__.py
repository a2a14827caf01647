"""What starts ontime on machines: natively, under Compose, and through a pipeline."""
