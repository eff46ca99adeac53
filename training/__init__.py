"""How the learned models of the layer are made. Never deployed; see `training/requirements.txt`."""
