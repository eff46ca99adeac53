"""Structure, proofs and walks of the state machines, and the templates around them."""
