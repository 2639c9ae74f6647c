"""Normalization: what source rows mean, as pure functions of distinct raw values and the catalog."""
