"""Settings that hold for every test."""

import os

from hypothesis import settings

# "ci" looks at the same examples in every run; a soak run sets HYPOTHESIS_PROFILE=soak.
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=50_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
