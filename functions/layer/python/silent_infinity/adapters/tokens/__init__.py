"""Checking of signed tokens. Needs PyJWT and cryptography, which only the authorizer carries."""
