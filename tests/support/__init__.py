"""What tests of several scopes share."""
