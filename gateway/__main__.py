"""`python -m gateway` is the command `perimeter`."""

import sys

from gateway.cli import main

sys.exit(main())
