"""`python -m routing_etl`: the command line without its script."""

from routing_etl.cli.app import main

if __name__ == "__main__":
    main()
