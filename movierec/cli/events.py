"""`movierec events`: what people did with recommendations, out of the service's store and out of the world."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from movierec.cli.common.output import AsJson
from recommender import home

app = typer.Typer(
    help="Export or erase what people did with recommendations.",
    no_args_is_help=True,
    epilog="Example: movierec events export events.parquet",
)
_PARQUET = ".parquet"

Store = Annotated[
    Path | None,
    typer.Option(
        help="Store of the service; default: MOVIEREC_STORE_DIR, else var/models.",
        envvar="MOVIEREC_STORE_DIR",
        show_envvar=False,
    ),
]


@app.command(epilog="Example: movierec events export events.ndjson")
def export(
    out: Annotated[Path, typer.Argument(help="File to write: NDJSON, or Parquet where its name ends in .parquet.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write all events into a file. Keys of visitors are in it: erase them there as well when they are erased here."""
    from online.export import export as write
    from online.store import EventReader, events_file

    reader = EventReader(events_file(store or home.served_models()))
    try:
        count = write(reader, out.expanduser(), as_parquet=out.suffix == _PARQUET)
    finally:
        reader.close()
    typer.echo(json.dumps({"events": count, "file": str(out)}) if as_json else f"{count:,} events are in {out}.")


@app.command(epilog="Example: movierec events erase v-5f1c8a")
def erase(
    visitor: Annotated[str, typer.Argument(help="Key of the visitor, as the events have it.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Erase all events of a visitor, and every trace of the key, whether or not the service runs."""
    from online.erasure import erase as erase_events

    removed = asyncio.run(erase_events(store or home.served_models(), visitor))
    typer.echo(json.dumps({"removed": removed}) if as_json else f"{removed:,} events are erased.")
