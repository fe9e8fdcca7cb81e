"""Differential tests: programs and requests made up by Hypothesis, run by FastAPI and by us."""
