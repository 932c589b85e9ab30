"""Signs in to broker accounts, unattended, and delivers the day's token."""

__version__ = "0.1.0"
