"""`python -m radcommons` is the `radcommons` command."""

from radcommons.cli.main import main

if __name__ == "__main__":
    main()
