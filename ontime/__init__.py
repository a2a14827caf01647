"""The command line, and the native stack behind `make local`."""
