"""For tests alone: hypothesis strategies, in-memory fakes, one contract test class per port."""
