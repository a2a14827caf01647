"""What CI calls: checks, and the deployment of images and model versions."""
