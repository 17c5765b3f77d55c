"""Build the wheel and use it as a stranger would: installed elsewhere, in a directory with packages of our names.

`python -m scripts.try_wheel [PYTHON]` prints each step with its time and ends with exit code 1 at the first that fails.
It needs uv on PATH and the package index, or uv's cache after `make`. PYTHON: another interpreter to install it for.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from scripts.trial import ROOT, fetch, require, run, say, service, started, step, wait, wait_until
from testing.foreign import plant_foreign_packages
from testing.service import free_port

MIB = 1 << 20
TITLE = "Toy%20Story%20(1995)"
# What a browser would make the server do: each page drawn, without an error.
DRAW_PAGES = """
from pathlib import Path
from streamlit.testing.v1 import AppTest
import webapp
folder = Path(webapp.__file__).parent
app = AppTest.from_file(str(folder / "app.py"), default_timeout=60).run()
for page in sorted(folder.glob("views/*.py")):
    app.switch_page(f"views/{page.name}").run()
    assert not app.exception, (page.name, [error.message for error in app.exception])
"""
# The Python API in a directory of its own: nothing but what is asked for is written there.
TEN_LINES = """
import movierec
data = movierec.load("ml-100k")
model = movierec.fit("als", data, factors=32)
print(model.similar("Toy Story", n=3))
print(model.recommend(user=5, n=3))
print(model.recommend(ratings={"Toy Story": 5, "Heat": 2}, n=3))
print(model.explain("Toy Story", n=1))
comparison = movierec.compare(["als", "popularity"], data, protocol="latest20")
print(comparison.tests, comparison.plot())
assert movierec.open(model.save("mine")).similar("Toy Story").equals(model.similar("Toy Story"))
movierec.promote(2)
print(movierec.open("champion").similar("Toy Story (1995)", n=3).to_json(orient="records"))
"""


def main() -> None:
    """Try the wheel in a scratch directory."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory).resolve()
        with step("build the wheel"):
            run("uv", "build", "--wheel", "--quiet", "--out-dir", scratch / "dist", ROOT, cwd=scratch)
        (wheel,) = (scratch / "dist").glob("*.whl")
        try_everything(scratch, wheel)
        try_service_alone(scratch, wheel)


def try_everything(scratch: Path, wheel: Path) -> None:
    """From raw files to an answer and a web page, all of it below the working directory."""
    home = scratch / "home"
    home.mkdir()
    plant_foreign_packages(home)
    run("uv", "export", "--frozen", "--quiet", "--only-group", "sample-data", "--output-file", scratch / "sample.txt")
    with step("install it with all that is locked"):
        movierec = install(scratch / "all", wheel, ROOT / "requirements.lock", scratch / "sample.txt")
    with step("prepare"):
        run(movierec, "data", "prepare", "ml-100k", cwd=home)
        described = json.loads(run(movierec, "data", "describe", "ml-100k", "--json", cwd=home))
    require(described["ratings"] == 100_000, f"expected 100,000 ratings, found {described}")
    with step("train"):
        run(movierec, "train", "popularity", cwd=home)
        run(movierec, "train", "als", cwd=home)
    with step("fit, compare and promote in Python"):
        promised = in_python(scratch / "notebook", movierec, home)
    with step("serve, ask, and show the web page"), service(movierec, cwd=home) as address:
        require(ask(address) == promised, f"Python answers {promised}")
        variables = {"MOVIEREC_API_URL": address}
        run(movierec.with_name("python"), "-P", "-c", DRAW_PAGES, cwd=home, variables=variables)
        with web_page(movierec, home, variables) as page:
            require(fetch(f"{page}/_stcore/health") == b"ok", "the web page is not healthy")
    with step("install a model of one's own, train, promote and serve it"):
        own_model(movierec, home)
    told = run(movierec, "bench", "topk", cwd=home, code=2)
    require("checkout" in told, told)
    require({"data", "mlruns", "var"} <= {path.name for path in home.iterdir()}, "data, runs and models are elsewhere")


def in_python(folder: Path, movierec: Path, home: Path) -> list[str]:
    """Run the ten lines in `folder`; return the titles that the promoted version answers."""
    folder.mkdir()
    variables = {"MOVIEREC_HOME": str(home)}
    printed = run(movierec.with_name("python"), "-c", TEN_LINES, cwd=folder, variables=variables).splitlines()
    require([path.name for path in folder.iterdir()] == ["mine"], "the Python API wrote more than it was asked for")
    return [film["title"] for film in json.loads(printed[-1])]


def own_model(movierec: Path, home: Path) -> None:
    """Install examples/bpr beside the wheel; take it through every command. Somebody new gets 409."""
    python = movierec.with_name("python")
    run("uv", "pip", "install", "--quiet", "--no-deps", "--python", python, ROOT / "examples" / "bpr")
    run(movierec, "evaluate", "--model", "bpr", "--set", "iterations=20", cwd=home)
    run(movierec, "train", "bpr", "--set", "iterations=20", cwd=home)
    run(movierec, "promote", "--version", "3", "--force", "--reason", "trial", cwd=home)
    run("uv", "pip", "uninstall", "--quiet", "--python", python, "movierec-bpr")  # what serves needs no code of models
    with service(movierec, cwd=home) as address:
        # the version served before starts at once
        wait_until(lambda: b'"algorithm":"bpr"' in fetch(f"{address}/model"), "the model of one's own is not served")
        ask(address)
        body = json.dumps({"ratings": [{"movie_id": 1, "rating": 5}]}).encode()
        request = Request(f"{address}/recommend/", body, {"Content-Type": "application/json"})
        try:
            urlopen(request, timeout=10).close()
        except HTTPError as error:
            require(error.code == 409, f"somebody new gets {error.code}")
        else:
            require(False, "somebody new gets a list")


def try_service_alone(scratch: Path, wheel: Path) -> None:
    """The service with what it needs and no more, on the runs of another directory."""
    elsewhere = scratch / "elsewhere"
    elsewhere.mkdir()
    plant_foreign_packages(elsewhere)
    with step("install the service alone"):
        movierec = install(scratch / "serve", wheel, ROOT / "requirements-serve.lock")
    variables = {"MOVIEREC_HOME": str(scratch / "home"), "MOVIEREC_STORE_DIR": str(scratch / "store")}
    with step("serve and ask"), service(movierec, cwd=elsewhere, variables=variables) as address:
        ask(address)
    for command, remedy in (("compare", "pip install movierec"), ("webapp", "pip install 'movierec[web]'")):
        require(remedy in run(movierec, command, cwd=elsewhere, code=2), f"{command} does not name {remedy}")


def install(place: Path, wheel: Path, *locked: Path) -> Path:
    """Make a virtual environment at `place` from locked files and the wheel; return its command `movierec`."""
    run("uv", "venv", "--quiet", "--python", (sys.argv[1:] or [sys.executable])[0], place)
    pip = ("uv", "pip", "install", "--quiet", "--no-deps", "--python", place / "bin" / "python")
    run(*pip, "--require-hashes", *(word for file in locked for word in ("-r", file)))
    run(*pip, wheel)
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    say(f"    {size / MIB:,.0f} MiB")
    return place / "bin" / "movierec"


@contextmanager
def web_page(movierec: Path, cwd: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Show the web page until the block ends; give its address once it answers."""
    port = str(free_port())
    log, address = cwd / "webapp.log", f"http://127.0.0.1:{port}"
    with started([movierec, "webapp", "--port", port], log, cwd, variables) as process:
        wait(lambda: fetch(f"{address}/_stcore/health"), log, process)
        yield address


def ask(address: str) -> list[str]:
    """Ask for films like Toy Story and return their titles; credits show that their table travelled with the wheel."""
    answer = json.loads(fetch(f"{address}/recommend/?title={TITLE}&n=3"))
    films = answer["recommendations"]
    require(len(films) == 3 and any(film["directors"] for film in films), f"expected three films, found {answer}")
    titles = [str(film["title"]) for film in films]
    say(f"    films like Toy Story: {', '.join(titles)}")
    return titles


if __name__ == "__main__":
    main()
