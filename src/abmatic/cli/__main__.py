"""``python -m abmatic.cli`` is ``abmatic``."""

from abmatic.cli.main import main

main()
