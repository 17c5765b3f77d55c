"""Faults that `movierec bench chaos` injects: damage to the store's files, signals to processes, bad dependencies."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.service.chaos_http import ARTIFACTS, JUNK, MISLEADING, UNREACHABLE
from benchmarks.service.chaos_system import HEAL_SECONDS, System, remounted
from recommender.errors import MovierecError
from recommender.files import move, remove_file, write_bytes

SAY_SECONDS = 45.0  # within which `/model` tells of a registry that is away, or of a version that is refused
SIGNALS = (signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP)
SUSPENDED_SECONDS = 40.0  # more than the 30 s of silence after which a process is replaced
DAY_SECONDS = 86_400

Damage = Callable[[Path, float, Path], None]  # of a file: at a spot of it, 0 to 1, or with another file
Held = Callable[[], AbstractContextManager[None]]  # an outage, for as long as a block takes


class Fault(NamedTuple):
    """Something to do to the system, and what to call it."""

    name: str
    inject: Callable[[], None]  # returns when whatever is outside the service is whole again


def draw(rng: random.Random, system: System) -> Fault:
    """Return a fault: of the store, a process, a dependency or the clock."""
    return rng.choice([_of_store, _of_process, _of_dependency, _of_dependency, _of_clock])(rng, system)


def _of_store(rng: random.Random, system: System) -> Fault:
    root = system.service.store.root
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and ".aside-" not in str(path)]
    small = [path for path in files if path.suffix != ".npy"]
    file = rng.choice(rng.choice([files, small]))
    damage, spot = rng.choice(sorted(DAMAGES)), rng.random()
    others = [path for path in files if path.name == file.name and path != file] or small
    name = f"store: {file.relative_to(root)} {damage}"
    return Fault(name, partial(_damage, DAMAGES[damage], file, spot, rng.choice(others)))


def _damage(damage: Damage, file: Path, spot: float, other: Path) -> None:
    with suppress(FileNotFoundError):  # the puller has just replaced or removed it
        damage(file, spot, other)


def _flip(file: Path, spot: float, _: Path) -> None:
    content = bytearray(file.read_bytes())
    if content:
        content[int(spot * len(content))] ^= 1 + int(spot * 254)
    write_bytes(file, bytes(content))  # another file: running workers map the arrays, and keep what they have mapped


def _cut(file: Path, spot: float, _: Path) -> None:
    content = file.read_bytes()
    write_bytes(file, content[: int(spot * len(content))])


def _swap(file: Path, _: float, other: Path) -> None:
    aside = file.with_name("fresh.chaos")
    move(file, aside)
    move(other, file)
    move(aside, other)


def _replaced(make: Callable[[Path, Path], object]) -> Damage:
    """Return a damage that puts what `make(file, other)` makes in the file's place."""

    def damage(file: Path, _: float, other: Path) -> None:
        remove_file(file)
        make(file, other)

    return damage


_pipe = _replaced(lambda file, _: os.mkfifo(file))
DAMAGES: dict[str, Damage] = {
    "flipped": _flip,
    "cut": _cut,
    "emptied": lambda file, _, __: write_bytes(file, b""),
    "removed": lambda file, _, __: remove_file(file),
    "replaced by junk": lambda file, _, __: write_bytes(file, JUNK),
    "swapped with another": _swap,
    "replaced by a link": _replaced(lambda file, other: file.symlink_to(other)),
    "replaced by a pipe": _pipe,
    "replaced by a directory": _replaced(lambda file, _: (file / "inside").mkdir(parents=True)),
    "unreadable": lambda file, _, __: file.chmod(0),
}


def _of_process(rng: random.Random, system: System) -> Fault:
    role = rng.choice(["supervisor", "worker 0", "worker 1", "puller", "guard"])
    number = rng.choice(SIGNALS)
    name = f"process: {role} gets {number.name}"
    if role == "supervisor":
        if number == signal.SIGSTOP:
            return Fault(f"{name}, 7 s later SIGCONT", partial(_pause_supervisor, system))
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            return Fault(f"{name}, which it ignores below nohup", partial(_signal_supervisor, system, number))
        return Fault(f"{name}, and is started again as a unit does", partial(_restart, system, number))
    return Fault(name, partial(_send, system, role, number))


def _send(system: System, role: str, number: signal.Signals) -> None:
    process = system.processes()[role]
    if process is not None:
        process.send_signal(number)
        time.sleep(0.2)  # until the signal has been delivered


def _signal_supervisor(system: System, number: signal.Signals) -> None:
    assert system.service.process is not None
    system.service.process.send_signal(number)


def _pause_supervisor(system: System) -> None:
    _signal_supervisor(system, signal.SIGSTOP)
    time.sleep(7)
    _signal_supervisor(system, signal.SIGCONT)


def _restart(system: System, number: signal.Signals) -> None:
    """End the supervisor, wait until its children have ended with it, and start the service."""
    process = system.service.process
    assert process is not None
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    try:
        process.wait(HEAL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise MovierecError(f"the supervisor did not end in {HEAL_SECONDS:.0f} s") from error
    _, alive = psutil.wait_procs(children, HEAL_SECONDS)
    if alive:
        raise MovierecError(f"{len(alive)} children outlived their supervisor: {[child.cmdline() for child in alive]}")
    system.service.__enter__()


def _of_clock(rng: random.Random, system: System) -> Fault:
    if rng.random() < 0.5:
        return Fault(f"clock: machine suspended for {SUSPENDED_SECONDS:.0f} s", partial(_suspend, system))
    days = rng.choice([-1, 1])
    return Fault(f"clock: set {'back' if days > 0 else 'forward'} by a day", partial(_shift_times, system, days))


def _suspend(system: System) -> None:
    """Stop every process of the service, as a suspended machine does; the clock goes on."""
    assert system.service.process is not None
    supervisor = psutil.Process(system.service.process.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    for process in processes:
        process.suspend()
    time.sleep(SUSPENDED_SECONDS)
    for process in processes:
        process.resume()


def _shift_times(system: System, days: int) -> None:
    """Move every time that the store holds by days, as if the clock had been set since."""
    store = system.service.store
    for path in sorted(store.root.rglob("*")):
        with suppress(OSError):
            modified = path.stat().st_mtime + days * DAY_SECONDS
            os.utime(path, (modified, modified), follow_symlinks=False)
    status = store.status()
    store.write_status(status.model_copy(update={"checked_at": status.checked_at + days * DAY_SECONDS}))


def _of_dependency(rng: random.Random, system: System) -> Fault:
    unreachable, fetching, beside = _on_disk(system) if system.http is None else _over_http(system)
    beside |= {
        "temporary files: directory gone": partial(_gone, system.temporary),
        "temporary files: a file in the directory's place": partial(_gone, system.temporary, b""),
    }
    if system.has_disk:
        store = system.service.store.root
        beside |= {"disk: read-only": partial(remounted, store, "ro"), "disk: full": partial(_full, store)}
    outages = rng.choice([unreachable, fetching, beside])
    name, held = rng.choice(sorted(outages.items()))
    number = rng.choice([number for number in system.numbers if number != system.champion])
    if outages is unreachable:
        return Fault(name, partial(_without_registry, system, held))
    if outages is fetching:
        return Fault(f"{name}, while version {number} is promoted", partial(_fetch_fails, system, held, number))
    return Fault(f"{name}, while version {number} is promoted", partial(_promote_beside, system, held, number))


def _on_disk(system: System) -> tuple[dict[str, Held], dict[str, Held], dict[str, Held]]:
    """Return outages of a registry in a file: it cannot be reached, files cannot be fetched, it misleads."""
    database, artifacts = system.mlruns / "mlflow.db", system.mlruns / "artifacts"
    unreachable: dict[str, Held] = {
        "registry: slow, its database locked": partial(_locked, database),
        "registry: gone, its database moved away": partial(_gone, database),
        "registry: wrong, junk in its database's place": partial(_gone, database, JUNK),
        "registry: wrong, its database empty": partial(_gone, database, b""),
    }
    fetching: dict[str, Held] = {
        "artifact store: gone": partial(_gone, artifacts),
        "artifact store: wrong, a bit flipped in each array": partial(_wrong_artifacts, artifacts, _flip),
        "artifact store: wrong, each array cut": partial(_wrong_artifacts, artifacts, _cut),
        "artifact store: slow, a pipe for each array": partial(_wrong_artifacts, artifacts, _pipe),
    }
    return unreachable, fetching, {}


def _over_http(system: System) -> tuple[dict[str, Held], dict[str, Held], dict[str, Held]]:
    """Return the same of a registry over HTTP."""
    assert system.http is not None
    artifacts, misbehaving = system.mlruns / "artifacts", system.http.proxy.misbehaving
    unreachable: dict[str, Held] = {
        f"registry over HTTP: {how}": partial(misbehaving, do) for how, do in UNREACHABLE.items()
    }
    fetching: dict[str, Held] = {
        f"artifacts over HTTP: {how}": partial(misbehaving, do, ARTIFACTS) for how, do in UNREACHABLE.items()
    }
    fetching["artifact store: wrong, a bit flipped in each array"] = partial(_wrong_artifacts, artifacts, _flip)
    misleading: dict[str, Held] = {
        f"registry over HTTP: {how}": partial(misbehaving, do) for how, do in MISLEADING.items()
    }
    return unreachable, fetching, misleading


def _without_registry(system: System, held: Held) -> None:
    with held():
        _await(system, "/model calls the registry reachable", lambda registry: registry.get("reachable") is False)


def _fetch_fails(system: System, held: Held, number: int) -> None:
    """Promote a version of which the store has no copy, until its refusal is told."""
    with held():
        store = system.service.store
        for entry in store.entries():
            if entry.meta.version == str(number):
                store.remove(entry)
        began = time.time()
        system.promote(number)
        _await(
            system,
            f"/model tells no refusal of version {number}",
            lambda registry: any(
                refusal["version"] == str(number) and refusal["at"] >= began for refusal in registry.get("refusals", [])
            ),
        )


def _promote_beside(system: System, held: Held, number: int) -> None:
    with held():
        system.promote(number)
        time.sleep(4)


def _await(system: System, otherwise: str, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until `/model` says of the registry what is true; count a lie where it does not in time."""
    try:
        system.service.wait(lambda: condition(system.service.json("/model").get("registry", {})), SAY_SECONDS)
    except MovierecError:
        system.callers.note("lies", f"{otherwise} after {SAY_SECONDS:.0f} s")


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, timeout=30)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def _gone(path: Path, instead: bytes | None = None) -> Iterator[None]:
    """Move a file or directory away and back at the end; `instead` is the content of a file in its place."""
    away = path.with_name(f"{path.name}.away")
    move(path, away)
    if instead is not None:
        path.write_bytes(instead)
    try:
        yield
    finally:
        if os.path.lexists(path):
            move(path, path.with_name(f"{path.name}.instead-{time.time_ns()}"))
        move(away, path)


@contextmanager
def _wrong_artifacts(artifacts: Path, damage: Damage) -> Iterator[None]:
    """Damage a copy of all artifacts in their place."""
    with _gone(artifacts):
        shutil.copytree(artifacts.with_name("artifacts.away"), artifacts)
        for array in artifacts.rglob("*.npy"):
            damage(array, 0.9, array)
        yield


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    try:
        with filler.open("wb", buffering=0) as sink, suppress(OSError):
            while sink.write(JUNK):
                pass
        yield
    finally:
        remove_file(filler)
