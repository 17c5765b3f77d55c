"""The puller's process: looks at the registry until a signal ends it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from serving.settings import Settings, read_settings
from serving.signals import on_stop
from serving.versions.model_store import ModelStore
from serving.versions.puller import Puller
from serving.versions.sharing import GROUP_UMASK
from serving.versions.witness import Witness

BEATS, BEAT_SECONDS = "--beats", 1.0
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",  # a redirect would carry the request past the rules for addresses
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # a kept connection outlives a file that is moved away
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its lines go through our renderer
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@contextmanager
def puller_of(settings: Settings) -> Iterator[Puller]:
    """Yield a puller for the configured registry; imports MLflow, so only for a process of its own.

    Raises UsageError where the configured store is somebody else's directory.
    """
    store = ModelStore(settings.store_dir, settings.store_group)
    store.require_ours()
    if settings.store_group is not None:
        os.umask(GROUP_UMASK)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from serving.versions.artifacts import ArtifactRules
    from serving.versions.bounded import bounded_answers
    from serving.versions.registry import Registry, read_only

    rules = ArtifactRules(tuple(settings.artifact_sources), settings.max_version_bytes, settings.max_version_files)
    with read_only(), bounded_answers():
        registry = Registry(settings.tracking_uri, settings.registered_model, rules)
        yield Puller(registry, store, settings, Witness(registry, store) if settings.tell_versions else None)


def main(beats: bool = False) -> None:
    """Pull until SIGTERM, SIGINT or SIGHUP; with `beats` write a byte a second to stdout for the supervisor."""
    from serving.logs import configure

    settings = read_settings()
    configure(settings.log_level)
    if beats:
        threading.Thread(target=_beat, daemon=True).start()
    with on_stop(_end), puller_of(settings) as puller:
        puller.run(threading.Event())


def _end() -> None:
    """End at once, whatever call is under way: files are replaced whole, and leftovers removed later."""
    raise SystemExit(0)


def _beat() -> None:
    with suppress(OSError):  # the supervisor is gone
        while True:
            os.write(sys.stdout.fileno(), b".")
            time.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    main(beats=BEATS in sys.argv)
