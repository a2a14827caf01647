"""`python -m ontime`: see `--help`."""

from ontime import native_libraries

if __name__ == "__main__":
    native_libraries.ensure()
    from ontime.cli import main

    main()
