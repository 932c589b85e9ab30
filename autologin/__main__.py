"""`python -m autologin` is `autologin`."""

from autologin.cli.main import main

main()
