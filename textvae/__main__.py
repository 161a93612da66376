"""``python -m textvae`` is ``textvae``."""

import sys

from .cli import main

sys.exit(main())
