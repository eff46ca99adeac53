"""The deployed system, driven over HTTP as a client would."""
