"""The command line behind `./run`."""
