"""Requests that no well-meaning client sends, as bytes."""

from __future__ import annotations

_HEADERS = b"host: localhost\r\nx-request-id: golden-rude\r\n"


def _get(target: bytes, version: bytes = b"HTTP/1.1", headers: bytes = _HEADERS) -> bytes:
    return b"GET %b %b\r\n%b\r\n" % (target, version, headers)


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /recommend/ HTTP/1.1\r\n%b%b\r\n%b" % (_HEADERS, headers, body)


def _posted_json(body: bytes, content_type: bytes = b"application/json") -> bytes:
    return _post(b"content-type: %b\r\ncontent-length: %d\r\n" % (content_type, len(body)), body)


_QUERIES = (
    *(b"title=%ff", b"title=caf%e9", b"title=%c3%28", b"%ff=1", b"title=a%00b", b"title=a%0d%0ab", b"title=%e2%80%ae"),
    *(b"title=", b"title=%20%20", b"title", b"=Twins", b"&&&", b"title=1984&", b"&title=1984", b"title=1984&&n=3"),
    *(b"title=1984&title=1984", b"movie_id=1&movie_id=1", b"n=5", b"n=5&n=6", b"title=1984&n=", b"title=1984&n=+5"),
    *(b"title=1984&n=05", b"title=1984&n=5.0", b"title=1984&n=1e1", b"title=1984&n=%D9%A5", b"title=1984&n=true"),
    *(b"title=1984&colour=red", b"title=1984&model=", b"title=1984&explain=maybe", b"title=1984&explain=1"),
    *(b"title=1984&movie_id=1", b"title=1984&user_id=1", b"title=1984&diversity=nan", b"title=1984&diversity=inf"),
    *(b"title=1984&genres=", b"title=1984&genres=drama", b"title=1984&exclude=x", b"title=1984&year_from=95"),
    *(b"title=1984;n=3", b"title=19%384", b"TITLE=1984", b"title=%F0%9F%8E%AC", b"title=" + b"x" * 70_000),
    *(b"title=1984&" + b"&".join(b"exclude=%d" % number for number in range(1200)), b"n=" + b"9" * 5000),
)
_BODIES = (
    *(b"", b"{", b"null", b"{}", b"[]", b"\xff\xfe", b'{"likes": ["\xff"]}', b'{"likes": [1], "likes": [2]}'),
    *(b'{"n": NaN}', b'{"n": 1e400}', b'{"likes": ["\\ud800"]}', b'{"likes": ["a\\u0000b"]}', b"[" * 3000),
    *(
        b'{"n": %d}' % 10**400,
        b'{"title": "1984", "n": 3} trailing',
        b"\xef\xbb\xbf{}",
        b'{"likes": [%b1]}' % (b"1," * 10_000),
    ),
)

RUDE: tuple[bytes, ...] = (
    *(_get(b"/recommend/?" + query) for query in _QUERIES),
    *(_posted_json(body) for body in _BODIES),
    _posted_json(b'{"likes": [1]}', b"text/plain"),
    _posted_json(b"likes=1", b"application/x-www-form-urlencoded"),
    _posted_json(b'{"n": 3}', b"application/json; charset=latin-1"),
    _post(b"content-length: 5000000\r\n"),
    _post(b"content-length: " + b"9" * 40 + b"\r\n"),
    _post(b"content-type: application/json\r\ntransfer-encoding: chunked\r\n", b'8\r\n{"n": 3}\r\n0\r\n\r\n'),
    _get(b"/recommend/?title=1984", headers=b""),
    _get(b"/recommend/?title=1984", headers=b"host: localhost\r\nhost: evil.example\r\n"),
    _get(b"/recommend/?title=1984", b"HTTP/9.9"),
    _get(b"/recommend/?title=caf\xc3\xa9"),
    _get(b"/recommend/?title=a b"),
    _get(b"/recommend/\x01"),
    _get(b"http://localhost/recommend/?title=1984&n=2"),
    _get(b"/recommend/?title=1984#part"),
    _get(b"/%72ecommend/?title=1984&n=2"),
    _get(b"/movies/%ff"),
    _get(b"/../etc/passwd"),
    _get(b"/movies/1%2f..%2f2"),
    _get(b"*"),
    b"GIBBERISH\r\n\r\n",
    b"BREW /recommend/ HTTP/1.1\r\n%b\r\n" % _HEADERS,
    _get(b"/livez", headers=_HEADERS + b"connection: close\r\n"),
    _get(b"/livez", headers=_HEADERS + b"bad header\r\n"),
    _get(b"/livez", headers=_HEADERS + b"x-long: " + b"y" * 20_000 + b"\r\n"),
    _get(b"/recommend/?title=1984", headers=_HEADERS + b"accept: text/html\r\naccept-encoding: gzip\r\n"),
    _get(b"/recommend/?title=1984", headers=_HEADERS + b"range: bytes=0-9\r\n"),
)
