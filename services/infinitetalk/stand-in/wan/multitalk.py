"""Stand-in: the one import of InfiniteTalk's `wan/multitalk.py` that Python 3.11 no longer has."""
from inspect import ArgSpec
