"""`python -m radcommons` is the `radcommons` command."""

from radcommons.cli.main import main

main()
