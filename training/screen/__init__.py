"""Training of the crisis screen's learned stages: the corpus, its composed part, and the two models."""
