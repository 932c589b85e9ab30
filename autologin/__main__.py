"""`python -m autologin` is `autologin`."""

from autologin.cli import main

main()
