"""Run a command while other processes burn cores: `python tests/burning.py NUMBER COMMAND…`; its status is ours."""

import subprocess
import sys

BURN = "while True: pass"


def main() -> int:
    number, *command = sys.argv[1:]
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(int(number))]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


if __name__ == "__main__":
    sys.exit(main())
