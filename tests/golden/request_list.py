"""Varied requests for whatever catalogue is served, the same for the same seed and catalogue.

Each function makes one request of its kind.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

from tests.golden.catalogue import Catalogue
from tests.golden.recording import Request
from tests.golden.rude_requests import RUDE
from tests.golden.service import TOKEN
from tests.golden.spellings import spell

_USERS = 190

Parameters = list[tuple[str, Any]]


class Draft(NamedTuple):
    """A request without its number; a header of no value is left out."""

    method: str
    target: str
    headers: dict[str, str | None] = {}
    body: bytes = b""


def varied_requests(catalogue: Catalogue, count: int, seed: int) -> list[Request]:
    """`count` requests in a random order, each with a number of its own."""
    rng = random.Random(seed)
    drafts = [(make.__name__.strip("_"), make(rng, catalogue)) for make, times in _COUNTS.items() for _ in range(times)]
    drafts += [("fixed address", Draft("GET", target)) for target in _FIXED]
    drafts += [("admin", Draft(method, target, {"authorization": header})) for method, target, header in _ADMIN]
    drafts += [("title", _title(rng, catalogue)) for _ in range(count - len(drafts) - len(RUDE))]
    requests = [_finish(kind, draft, number) for number, (kind, draft) in enumerate(drafts)]
    requests += [Request("rude", raw) for raw in RUDE]
    rng.shuffle(requests)
    return requests


def _title(rng: random.Random, catalogue: Catalogue) -> Draft:
    """A plain title, as people spell it; many of one, as most of the traffic is."""
    parameters: Parameters = [("title", spell(rng, *_film(rng, catalogue)[1:])), *_maybe_n(rng)]
    if rng.random() < 0.1:
        parameters.append(("fuzzy", "true"))
    return _recommend(rng, parameters)


def _movie_id(rng: random.Random, catalogue: Catalogue) -> Draft:
    movie_id: Any = _film(rng, catalogue)[0]
    if rng.random() < 0.2:
        movie_id = rng.choice([f"00{movie_id}", f"+{movie_id}", f"{movie_id}.0", 0, 999_999, -1, 2**53 + 1, "x", ""])
    return _recommend(rng, [("movie_id", movie_id), *_maybe_n(rng)])


def _filtered(rng: random.Random, catalogue: Catalogue) -> Draft:
    """Films like a film, with the options of a list."""
    return _recommend(rng, [_film_subject(rng, catalogue), *_maybe_n(rng), *_options(rng, catalogue)])


def _user(rng: random.Random, catalogue: Catalogue) -> Draft:
    user_id: Any = rng.randint(1, _USERS) if rng.random() < 0.9 else rng.choice([0, 10**6, -3, 2**60, "me", "1e2"])
    options = _options(rng, catalogue) if rng.random() < 0.5 else []
    return _recommend(rng, [("user_id", user_id), *_maybe_n(rng), *options])


def _challenger(rng: random.Random, catalogue: Catalogue) -> Draft:
    """The second served version."""
    subject = _film_subject(rng, catalogue) if rng.random() < 0.5 else ("user_id", rng.randint(1, _USERS))
    options = _options(rng, catalogue) if rng.random() < 0.5 else []
    return _recommend(rng, [subject, *_maybe_n(rng), *options, ("model", "challenger")])


def _posted(rng: random.Random, catalogue: Catalogue) -> Draft:
    """Likes and ratings of a person without an account."""
    body: dict[str, Any] = dict(_json_options(rng, catalogue)) if rng.random() < 0.4 else {}
    body |= dict(_maybe_n(rng))
    if rng.random() < 0.75:
        body["ratings"] = [_rated(rng, catalogue) for _ in range(rng.choice([1, 2, 5, 20]))]
    if rng.random() < 0.5:
        body["likes"] = [_named(rng, catalogue) for _ in range(rng.choice([1, 3, 8]))]
    return _post(body, "/recommend/?model=challenger" if rng.random() < 0.1 else "/recommend/")


def _posted_film(rng: random.Random, catalogue: Catalogue) -> Draft:
    """Films like a film, steered, in a body."""
    return _post(dict([_film_subject(rng, catalogue), *_maybe_n(rng), *_json_options(rng, catalogue)]))


def _posted_badly(rng: random.Random, catalogue: Catalogue) -> Draft:
    """Bodies with one thing wrong."""
    movie_id = _film(rng, catalogue)[0]
    body = rng.choice(
        [
            {"ratings": [{"movie_id": movie_id, "rating": rng.choice([0, 5.5, "4", None, True, 1e99])}]},
            {"ratings": [{"movie_id": movie_id, "title": "1984", "rating": 4}]},
            {"ratings": [{"rating": 4}]},
            {"ratings": {"movie_id": movie_id}},
            {"likes": [None, movie_id]},
            {"likes": [10**9, "No Such Film"]},
            {"likes": ["Twins"]},
            {"likes": [movie_id], "movie_id": movie_id},
            {"movie_id": movie_id, "title": "1984"},
            {"title": " "},
            {"n": rng.choice([0, 101, "ten", 2.5, True])},
            {"diversity": rng.choice([-0.1, 1.1, "x"])},
            {"year_from": 2001, "year_to": 2000},
            {"genres": ["No Such Genre"], "movie_id": movie_id},
            {"tag_boost": ["no such tag"], "movie_id": movie_id},
            {"colour": "red"},
            [movie_id],
            "likes",
            None,
        ]
    )
    return _post(body)


def _film_page(rng: random.Random, catalogue: Catalogue) -> Draft:
    movie_id: Any = _film(rng, catalogue)[0] if rng.random() < 0.9 else rng.choice([0, 10**7, "one", -1, "1.0", "%20"])
    other = _film(rng, catalogue)[0] if rng.random() < 0.95 else 0
    common = "&".join(f"with_ids={_film(rng, catalogue)[0]}" for _ in range(rng.choice([0, 1, 3, 10])))
    page = rng.choice(["", "/ratings", "/features", "/over-time", f"/compare/{other}", f"/common?{common}"])
    target = f"/movies/{movie_id}{page}"
    return Draft("GET", f"{target}?model=challenger" if rng.random() < 0.1 and "?" not in target else target)


def _search(rng: random.Random, catalogue: Catalogue) -> Draft:
    text = spell(rng, *_film(rng, catalogue)[1:])
    if rng.random() < 0.6:
        start = rng.choice([0, 0, 0, rng.randrange(len(text))])
        text = text[start : start + rng.randint(1, 12)]
    limit = [("limit", rng.choice([1, 5, 20, 50, 0, 51]))] if rng.random() < 0.3 else []
    return Draft("GET", _target("/movies/search", [("q", text), *limit]))


def _tags(rng: random.Random, catalogue: Catalogue) -> Draft:
    name = rng.choice(catalogue.tags).partition(":")[2] or rng.choice(catalogue.tags)
    return Draft("GET", _target("/tags", [("q", name[: rng.randint(1, 8)]), ("limit", rng.choice([1, 10, 100, 101]))]))


def _analytics(rng: random.Random, catalogue: Catalogue) -> Draft:
    genre = [("genre", rng.choice([*catalogue.genres, "no such"]))] if rng.random() < 0.6 else []
    page = rng.choice(["top", "top", "top", "over-time", "release-years"])
    if page != "top":
        return Draft("GET", _target(f"/analytics/{page}", genre))
    parameters: Parameters = [("by", rng.choice(["count", "average", "average", "votes"])), *genre, *_maybe_n(rng)]
    if rng.random() < 0.4:
        parameters.append(("min_ratings", rng.choice([0, 5, 50, 10_000, -1])))
    return Draft("GET", _target("/analytics/top", parameters))


def _other_method(rng: random.Random, catalogue: Catalogue) -> Draft:
    target = rng.choice([f"/recommend/?movie_id={_film(rng, catalogue)[0]}", "/recommend/", "/readyz", "/livez", "/no"])
    method = rng.choice(["HEAD", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST", "TRACE"])
    origin = {"origin": "https://films.example"} if rng.random() < 0.4 else {}
    return Draft(method, target, {"content-length": "0", "access-control-request-method": "POST", **origin})


def _other_headers(rng: random.Random, catalogue: Catalogue) -> Draft:
    """Hosts, origins and request ids, welcome and not."""
    name = rng.choice(list(_HEADER_VALUES))
    return _recommend(rng, [_film_subject(rng, catalogue)])._replace(headers={name: rng.choice(_HEADER_VALUES[name])})


def _film(rng: random.Random, catalogue: Catalogue) -> tuple[int, str, int | None]:
    return rng.choice(catalogue.films)


def _film_subject(rng: random.Random, catalogue: Catalogue) -> tuple[str, Any]:
    movie_id, title, year = _film(rng, catalogue)
    return ("movie_id", movie_id) if rng.random() < 0.6 else ("title", f"{title} ({year})" if year else title)


def _maybe_n(rng: random.Random) -> Parameters:
    chance = rng.random()
    if chance < 0.55:
        return []
    return [("n", rng.randint(1, 20) if chance < 0.9 else rng.choice([50, 99, 100, rng.randint(21, 100), 0, 101]))]


def _options(rng: random.Random, catalogue: Catalogue) -> Parameters:
    """One to four options of a list, as parameters."""
    parameters: Parameters = []
    for name, value in _json_options(rng, catalogue):
        parameters += [(name, one_value) for one_value in (value if isinstance(value, list) else [value])]
    return [(name, str(value).lower() if isinstance(value, bool) else value) for name, value in parameters]


def _json_options(rng: random.Random, catalogue: Catalogue) -> Parameters:
    choices: Parameters = [
        ("genres", rng.sample(catalogue.genres, rng.choice([1, 2]))),
        ("year_from", rng.randint(1930, 2010)),
        ("year_to", rng.randint(1970, 2020)),
        ("min_ratings", rng.choice([1, 10, 40, 10_000])),
        ("exclude", [_film(rng, catalogue)[0] for _ in range(rng.choice([1, 5]))]),
        ("diversity", rng.choice([0.0, 0.3, 0.7, 1.0])),
        ("tag_boost", rng.sample(catalogue.tags, rng.choice([1, 2]))),
        ("tag_suppress", rng.sample(catalogue.tags, 1)),
        ("explain", True),
        ("fuzzy", True),
    ]
    return rng.sample(choices, rng.choice([1, 1, 2, 3, 4]))


def _named(rng: random.Random, catalogue: Catalogue) -> int | str:
    movie_id, title, year = _film(rng, catalogue)
    return movie_id if rng.random() < 0.7 else f"{title} ({year})" if year else title


def _rated(rng: random.Random, catalogue: Catalogue) -> dict[str, Any]:
    film = _named(rng, catalogue)
    return {"movie_id" if isinstance(film, int) else "title": film, "rating": rng.randint(1, 10) / 2}


def _recommend(rng: random.Random, parameters: Parameters) -> Draft:
    if rng.random() < 0.1:
        rng.shuffle(parameters)
    return Draft("GET", _target("/recommend" if rng.random() < 0.1 else "/recommend/", parameters, rng))


def _target(path: str, parameters: Parameters, rng: random.Random | None = None) -> str:
    encode = quote_plus if rng is not None and rng.random() < 0.3 else quote
    query = "&".join(f"{name}={encode(str(value), safe='')}" for name, value in parameters)
    return f"{path}?{query}" if query else path


def _post(body: Any, target: str = "/recommend/") -> Draft:
    raw = json.dumps(body, ensure_ascii=False).encode()
    return Draft("POST", target, {"content-type": "application/json", "content-length": str(len(raw))}, raw)


def _finish(kind: str, draft: Draft, number: int) -> Request:
    headers = {"host": "localhost", "x-request-id": f"golden-{number}", **draft.headers}
    lines = [f"{draft.method} {draft.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return Request(kind, "\r\n".join([*lines, "", ""]).encode() + draft.body)


_COUNTS: dict[Callable[[random.Random, Catalogue], Draft], int] = {
    _movie_id: 160,
    _filtered: 220,
    _user: 190,
    _challenger: 80,
    _posted: 180,
    _posted_film: 60,
    _posted_badly: 80,
    _film_page: 150,
    _search: 120,
    _tags: 40,
    _analytics: 80,
    _other_method: 50,
    _other_headers: 60,
}
_HEADER_VALUES: dict[str, list[str | None]] = {
    "host": ["127.0.0.1:8000", "LOCALHOST", "evil.example", "localhost.evil.example", "[::1]:80", ""],
    "origin": ["https://films.example", "http://localhost:8501", "https://evil.example", "null", ""],
    "x-request-id": [None, "a b", "x" * 65, "trace-1.2_3", "café"],
    "if-none-match": ['"another"', "*", ""],
}
_FIXED = (
    *("/", "/docs", "/openapi.json", "/favicon.ico", "/livez", "/readyz", "/no/such/address"),
    *("/model", "/model?model=challenger", "/model?model=third", "/map", "/map?model=challenger", "/map?x=1"),
    *("/analytics/summary", "/analytics/genres", "/analytics/over-time", "/analytics/release-years", "/analytics"),
    *("/movies", "/movies/", "/movies/search", "/tags", "/recommend", "/recommend/", "/recommend//", "/recommend/x"),
)
_ADMIN = (
    ("GET", "/admin/versions", f"Bearer {TOKEN}"),
    ("GET", "/admin/versions", "Bearer wrong"),
    ("GET", "/admin/versions", None),
    ("POST", "/admin/refresh", f"Bearer {TOKEN}"),
    ("POST", "/admin/refresh", "Basic golden"),
    ("GET", "/admin/refresh", f"Bearer {TOKEN}"),
)
