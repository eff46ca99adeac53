"""The gates of a promotion: what has to be shown before a variant is served to more people."""
