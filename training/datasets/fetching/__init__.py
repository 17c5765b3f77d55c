"""Download and unpack the archives of known data sets."""
