"""Inventory Pipeline: the open, self-hosted IT asset inventory."""
