"""HTTP as API Gateway speaks it."""
