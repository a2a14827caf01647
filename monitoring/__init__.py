"""Watching a model: drift, performance, service; rules that raise alerts, policies that decide."""
