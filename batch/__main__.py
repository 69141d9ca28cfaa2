"""Shell command: python -m triposr.batch PICTURES... -o FOLDER."""

import sys


def run() -> int:
    try:
        from .command import main
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"The package {error.name} is missing. Install what the command needs, in the"
            ' repository: python -m pip install ".[batch]"\n'
        )
        return 2
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
