"""`python -m dari` is `dari`."""

from dari.cli import main

main()
