"""What several stacks share."""
