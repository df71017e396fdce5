"""Smoke test of the small bases: the stand-in for torch can be imported and computes."""

import numpy

assert numpy.arange(4).sum() == 6
