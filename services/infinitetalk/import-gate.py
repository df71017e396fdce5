"""Gate in the build: InfiniteTalk's source imports, whole, without a GPU and without a network. `python3 import-gate.py SOURCE`"""
import importlib
import pathlib
import sys

import compatibility  # app/compatibility.py, mounted beside this file

source = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(source))
compatibility.pretend_gpu()
compatibility.shim()

modules = ["speech_envelope", "wan", "wan.multitalk", "generate_infinitetalk"]
if not (source / "STAND-IN").exists():
    modules += ["kokoro", "src.audio_analysis.wav2vec2", "src.vram_management", "src.utils"]
for module in modules:
    try:
        importlib.import_module("torch")  # speech_envelope links libtorch
        importlib.import_module(module)
    except Exception as error:
        sys.exit(f"import gate: {module} does not import: {type(error).__name__}: {error}")
print(f"import gate: {', '.join(modules)} import")
