"""`python -m service`: the `ebb` command."""

from service.cli import main

main()
