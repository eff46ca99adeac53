"""What operators may do with variants, decided without a store."""
