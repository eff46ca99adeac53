"""Crisis screening and crisis replies: pure rules over data."""
