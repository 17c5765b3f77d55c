"""What every test shares: how Hypothesis behaves. Nothing heavy is imported here."""

from __future__ import annotations

import os

from hypothesis import settings

# Two busy cores make single examples slow at random; a continuous-integration run must not fail by luck.
settings.register_profile("movierec", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("movierec")
