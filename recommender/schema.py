"""Column names, dtypes and the rating scale, shared by all packages."""

from __future__ import annotations

USER = "user_id"
MOVIE = "movie_id"
RATING = "rating"
TIMESTAMP = "timestamp"  # seconds since 1970-01-01 UTC

TITLE = "title"  # display form: no year, article in front ("The Usual Suspects")
ORIGINAL_TITLE = "original_title"  # as the raw file spells it ("Usual Suspects, The (1995)")
ALTERNATIVE_TITLES = "alternative_titles"  # list of str: bracketed titles and a.k.a.
YEAR = "year"  # nullable integer
GENRES = "genres"  # list of str
DIRECTORS = "directors"  # list of str
ACTORS = "actors"  # list of str, leading first
TEXT = "text"  # what an article says of the film, "" without one
DUPLICATE_OF = "duplicate_of"  # movie_id of the film's main entry; its own id unless the film was entered twice
IMDB_ID = "imdb_id"  # nullable integer
TAG = "tag"
TAG_ID = "tag_id"
RELEVANCE = "relevance"  # tag genome score in [0, 1]

RATING_DTYPES = {USER: "int32", MOVIE: "int32", RATING: "float32", TIMESTAMP: "int64"}

# The scale on which models see ratings: MovieLens's own; `recommender.feedback` maps others to it.
LEAST_STARS, MIDDLE_STARS, MOST_STARS = 0.5, 3.0, 5.0

LIKE_THRESHOLD = 4.0  # a rating of at least this many stars is a like, in every protocol

GENRE_NAMES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir",
    "Horror", "IMAX", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
