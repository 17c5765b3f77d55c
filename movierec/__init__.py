"""The Python API: data sets, models, evaluations and registered versions in a few calls. See docs/python.md.

Nothing is imported before it is used: `import movierec` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from movierec.data import load as load
    from movierec.fitting import fit as fit
    from movierec.judging import Comparison as Comparison
    from movierec.judging import compare as compare
    from movierec.judging import evaluate as evaluate
    from movierec.model import Model as Model
    from movierec.versions import open as open
    from movierec.versions import promote as promote
    from movierec.versions import train as train

_PLACES = {
    "load": "movierec.data",
    "fit": "movierec.fitting",
    "Model": "movierec.model",
    "evaluate": "movierec.judging",
    "compare": "movierec.judging",
    "Comparison": "movierec.judging",
    "open": "movierec.versions",
    "train": "movierec.versions",
    "promote": "movierec.versions",
}
__all__ = ["Comparison", "Model", "compare", "evaluate", "fit", "load", "open", "promote", "train"]


def __getattr__(name: str) -> Any:
    """Import a name of the API when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(_PLACES[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
