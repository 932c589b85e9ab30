"""One file per broker."""
