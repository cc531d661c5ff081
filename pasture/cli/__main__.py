"""``python -m pasture.cli``."""

from __future__ import annotations

import sys

from pasture.cli import main

if __name__ == "__main__":
    sys.exit(main())
