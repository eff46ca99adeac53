"""Silent Infinity: the turn of a mental-wellness conversation, from message to recorded reply."""
