"""What kind of turn a message is: its intent, its turn class, and whether a model is needed to answer it."""
