"""Survey, membership, agreements, partner exchange, trends; so far membership: people, sign-in, the audit trail."""
