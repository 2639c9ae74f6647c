"""Auto-curation: an offline model that says what undecided software is, how sure it is, and why."""
