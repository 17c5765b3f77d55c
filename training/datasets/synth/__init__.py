"""The synthetic twin: files of any size in the layout of MovieLens 25M, with a structure that models must find."""
