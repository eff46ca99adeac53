"""The lake: its tables, the statements that fill them, and the figures that come out."""
