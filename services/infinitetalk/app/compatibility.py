"""What InfiniteTalk's source needs on newer Pythons, and what makes it importable without a GPU."""
import inspect
import os


def shim():
    """`wan/multitalk.py` imports inspect.ArgSpec, which Python 3.11 removed, and never uses it."""
    if not hasattr(inspect, "ArgSpec"):
        inspect.ArgSpec = inspect.FullArgSpec


def pretend_gpu():
    """For an import test only: xfuser and yunchang ask for the GPU while they are imported. Call before the import."""
    import types

    import torch

    os.environ.setdefault("TORCH_CUDA_ARCH_LIST", "8.6")
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    torch.cuda.current_device = lambda: 0
    torch.cuda.get_device_name = lambda *_: "pretended GPU"
    torch.cuda.get_device_capability = lambda *_: (8, 6)
    torch.cuda.get_device_properties = lambda *_: types.SimpleNamespace(
        name="pretended GPU", major=8, minor=6, total_memory=24 << 30, multi_processor_count=82
    )
