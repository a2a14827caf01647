"""What commands tell the person who called them."""


def say(message: str) -> None:
    """Tell the person at the terminal."""
    print(message, flush=True)
