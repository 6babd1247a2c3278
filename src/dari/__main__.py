"""`python -m dari` and `dari`: the quick way in for an MCP client, the whole command line for people."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command.

    `dari serve NAME`, as MCP clients start it, goes straight to its server: reading the command line by the library
    that people's commands use would cost a client a tenth of a second at every start.
    """
    match sys.argv[1:]:
        case ["serve", name] if name.replace("-", "").isalpha() and name != "all":
            from dari.cli import running, serving  # noqa: PLC0415 -- that is the point

            running.prepare()
            running.run(serving.serve((name,), http=False, host="127.0.0.1", port=None, simulated=False, seed=1))
    from dari.cli import main as whole  # noqa: PLC0415 -- that is the point

    whole.main()


if __name__ == "__main__":
    main()
