"""The command `ontime`: one module a group of commands; what they do is in the packages below."""

__version__ = "0.1.0"
