"""Entitlement repositories: drafts are judged together and published as a release."""
