"""python3 -m app.upstream …: runs InfiniteTalk's own command with the shim applied."""
import runpy
import sys

from .compatibility import shim
from .settings import SOURCE

if __name__ == "__main__":
    shim()
    sys.path.insert(0, str(SOURCE))
    sys.argv[0] = str(SOURCE / "generate_infinitetalk.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
