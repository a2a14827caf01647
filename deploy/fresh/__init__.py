"""The README's commands on new machines: `python3 -m deploy.fresh`."""
