"""What the statistics of promotions are compared with."""
