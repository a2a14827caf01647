"""Prefect flows: each reads like its runbook, does its I/O in tasks, and is safe to run again."""
