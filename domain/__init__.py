"""What is true without any server: flights, features, labels, models and metrics, as pure functions."""
