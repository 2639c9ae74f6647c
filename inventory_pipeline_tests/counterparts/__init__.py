"""Real servers that stand in for the sources: the connectors under test talk to them over the wire."""
