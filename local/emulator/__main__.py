"""``python -m local.emulator``: see the package's docstring."""

import sys

from local.emulator.launcher import main

sys.exit(main())
