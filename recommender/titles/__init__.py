"""Title search: normal forms of titles, word index and typo-tolerant look-up."""
