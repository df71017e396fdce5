#!/usr/bin/python3
"""Smoke test of both bases: run in the image before its tag is published, with the network off; on a GPU too where there is one.

    python3 check.py runtime|devel
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

started = time.monotonic()
import torch
import torchaudio
import torchvision
import triton
import triton.compiler
from triton.backends.compiler import GPUTarget


def step(name, value=""):
    print(f"{time.monotonic() - started:5.1f} s  {name}  {value}", flush=True)


def check(condition, message):
    if not condition:
        sys.exit(f"smoke test: {message}")


@triton.jit
def double(source, target, count, BLOCK: triton.language.constexpr):
    offsets = triton.language.program_id(0) * BLOCK + triton.language.arange(0, BLOCK)
    mask = offsets < count
    triton.language.store(target + offsets, 2 * triton.language.load(source + offsets, mask=mask), mask=mask)


def compile_for(capability):
    """Triton compiles a kernel for an architecture without a GPU of that kind: proves libtriton and ptxas."""
    signature = {"source": "*fp32", "target": "*fp32", "count": "i32", "BLOCK": "constexpr"}
    source = triton.compiler.ASTSource(fn=double, signature=signature, constexprs={(3,): 128})
    return triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]


def compile_native():
    """The compilers of devel, on the smallest sources that include Python, CUDA and torch: names of those that passed."""
    import sysconfig

    headers = pathlib.Path(torch.__file__).parent / "include"
    include = ["-I", sysconfig.get_paths()["include"], "-I", str(headers), "-I", f"{headers}/torch/csrc/api/include"]
    nvcc = pathlib.Path(os.environ["CUDA_HOME"], "bin/nvcc")
    commands = {"g++": ["g++", "-std=c++17", "-fPIC", "-shared", *include]}
    if nvcc.exists():
        commands["nvcc"] = [str(nvcc), "-arch=sm_86", "-Xcompiler", "-fPIC", "-shared", *include]
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands.items():
            source = pathlib.Path(folder, "probe.cu" if name == "nvcc" else "probe.cpp")
            lines = "#include <Python.h>\n#include <torch/version.h>\n"
            source.write_text(lines + ("__global__ void probe(float *x) { *x = 2; }\n" if name == "nvcc" else "const char *probe = TORCH_VERSION;\n"))
            result = subprocess.run([*command, "-o", f"{folder}/probe.so", str(source)], capture_output=True, text=True)
            check(result.returncode == 0, f"{name} does not compile: {result.stderr[-2000:]}")
    subprocess.run(["ninja", "--version"], check=True, stdout=subprocess.DEVNULL)
    return [*commands, "ninja"]


def on(device):
    """The same arithmetic on a device; returns numbers that both devices must agree on."""
    torch.manual_seed(0)
    matrix = torch.rand(256, 256).to(device)
    product = (matrix @ matrix.T).trace().item()
    # Two boxes overlap almost wholly, the third is apart: NMS keeps the better of the two and the third.
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9.8], [20, 20, 30, 30]], dtype=torch.float32, device=device)
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7], device=device), 0.5).tolist()
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(16_000) / 16_000).to(device)
    resampled = torchaudio.functional.resample(tone, 16_000, 8_000)
    crossings = int(((resampled[:-1] < 0) & (resampled[1:] >= 0)).sum())
    return product, kept, crossings


step("imports", f"torch {torch.__version__}, torchvision {torchvision.__version__}, torchaudio {torchaudio.__version__}, triton {triton.__version__}")
with open("/opt/base/freeze.txt") as lines:
    frozen = dict(line.strip().split("==") for line in lines if "==" in line)
check(torch.__version__.split("+")[0] == frozen["torch"].split("+")[0], f"torch is {torch.__version__}, the base has {frozen['torch']}")
check(torch.__file__.startswith("/opt/base/site/"), f"torch comes from {torch.__file__}")

check(torch.cuda._is_compiled() and torch.version.cuda, "torch is a build without CUDA")
architectures = torch._C._cuda_getArchFlags().split()
check("sm_86" in architectures, f"torch has no code for sm_86, only {architectures}")
step("compiled for", f"CUDA {torch.version.cuda}, {' '.join(architectures)}")

check(compile_for(86)[:4] == b"\x7fELF", "Triton made no cubin")
step("Triton", "a kernel for sm_86")

if "devel" in sys.argv[1:]:
    step("compilers", ", ".join(compile_native()))

product, kept, crossings = on("cpu")
check(kept == [0, 2], f"NMS kept {kept}, not [0, 2]")
check(438 <= crossings <= 441, f"a tone of 440 Hz has {crossings} periods after resampling")
step("CPU", f"matmul {product:.2f}, NMS {kept}, resample {crossings} Hz")

if torch.cuda.is_available():
    major, minor = torch.cuda.get_device_capability()
    on_gpu = on("cuda")
    check(abs(on_gpu[0] - product) < 1e-2 * product and on_gpu[1:] == (kept, crossings), f"GPU says {on_gpu}, CPU {(product, kept, crossings)}")
    source = torch.arange(1000, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    double[(8,)](source, target, 1000, BLOCK=128)
    check(torch.equal(target, 2 * source), "a Triton kernel computes wrongly on the GPU")
    step("GPU", f"{torch.cuda.get_device_name()}, sm_{major}{minor}")
else:
    step("GPU", "none here: not tested")
