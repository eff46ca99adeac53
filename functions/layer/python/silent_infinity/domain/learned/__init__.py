"""Small learned models that run in pure Python: hashed features of text, and linear scores over them."""
