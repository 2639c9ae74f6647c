"""`python -m inventory_pipeline.cli` is the `inventory` command."""

from inventory_pipeline.cli import main

main()
