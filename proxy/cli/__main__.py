"""`python -m proxy.cli`: the same as `baseload`."""

import sys

from proxy.cli.main import main

sys.exit(main())
