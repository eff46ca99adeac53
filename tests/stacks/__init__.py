"""The synthesised templates of every environment, and what builds them."""
