"""Features of items: the movie-tag matrix, and words of texts."""
