"""Download and unpack the archives of catalogued data sets."""
