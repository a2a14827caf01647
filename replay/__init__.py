"""Replays historic days through a running stack, as its clients and its feed would have done."""
