"""`python -m headrace`: the `headrace` command of this interpreter."""

from headrace.cli import main

if __name__ == "__main__":
    main()
