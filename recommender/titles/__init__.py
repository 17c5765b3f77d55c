"""From a typed title to a film: keys, words and the index over them."""
