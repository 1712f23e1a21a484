"""Survey, membership, agreements, partner exchange, trends."""
