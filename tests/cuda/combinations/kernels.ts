import { github, pages, type Case } from "./case.ts";

const rtx5090 = "NVIDIA GeForce RTX 5090";
const measured = github("nikopueringer/CorridorKey#141");
const lists = github("pytorch/pytorch#182250");
const whisperWebui = github("jhj0517/Whisper-WebUI#653");
const comfy = github("Comfy-Org/ComfyUI#16438");

/** Compute capabilities of GPUs against the kernels in torch's wheels, and what nvcc compiles for. */
export const kernelCases: Case[] = [
  [
    "RTX 5090 on cu121",
    github("HybridRobotics/berkeley-humanoid-lite#49"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.5.1", index: "cu121", driver: "590.48.01", gpu: rtx5090 },
  ],
  [
    "RTX 5090 on cu124",
    github("pytorch/pytorch#167244"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.6.0", index: "cu124", driver: "570.124.06", gpu: rtx5090, python: "3.11" },
  ],
  [
    "RTX 5070 Ti on cu121",
    github("pytorch/pytorch#153928"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.5.1", index: "cu121", gpu: "NVIDIA GeForce RTX 5070 Ti" },
  ],
  [
    "RTX 5070 Ti on 2.7.0 for CUDA 12.8",
    github("pytorch/pytorch#153928"),
    "works",
    "gpu-runs-torch",
    { torch: "2.7.0", index: "cu128", gpu: "NVIDIA GeForce RTX 5070 Ti" },
  ],
  [
    "RTX 5060 Ti on cu126",
    github("ostris/ai-toolkit#530"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.7.0", index: "cu126", gpu: "NVIDIA GeForce RTX 5060 Ti" },
  ],
  [
    "RTX 5060 Ti on PyPI's torch 2.7.1",
    github("remsky/Kokoro-FastAPI#306"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.7.1", cuda: "12.6", gpu: "NVIDIA GeForce RTX 5060 Ti" },
  ],
  [
    "RTX 5070 Ti on PyPI's torch 2.6.0",
    github("Nerogar/OneTrainer#755"),
    "fails",
    "gpu-runs-torch",
    { torch: "2.6.0", cuda: "12.4", gpu: "NVIDIA GeForce RTX 5070 Ti" },
  ],
  [
    "RTX 5090 on 2.7.1 for CUDA 12.8",
    github("Dao-AILab/flash-attention#2016"),
    "works",
    "gpu-runs-torch",
    { torch: "2.7.1", index: "cu128", gpu: rtx5090 },
  ],
  [
    "RTX 5090 on PyPI's torch 2.8.0",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.8.0", cuda: "12.8", gpu: rtx5090 },
  ],
  [
    "RTX 5090 on 2.9.1 for CUDA 12.6",
    pages.torchReleases,
    "fails",
    "gpu-runs-torch",
    { torch: "2.9.1", index: "cu126", gpu: rtx5090 },
  ],
  [
    "RTX 5090 on 2.11.0 for CUDA 13.0",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.11.0", index: "cu130", gpu: rtx5090 },
  ],
  [
    "RTX PRO 6000 Blackwell on cu128",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.8.0", index: "cu128", gpu: "NVIDIA RTX PRO 6000 Blackwell Workstation Edition" },
  ],
  [
    "B200 on cu126",
    pages.torchReleases,
    "fails",
    "gpu-runs-torch",
    { torch: "2.7.1", index: "cu126", gpu: "NVIDIA B200" },
  ],
  [
    "B200 on cu128",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.7.1", index: "cu128", gpu: "NVIDIA B200" },
  ],
  [
    "B300 runs code of B200",
    pages.architectures,
    "works",
    "gpu-runs-torch",
    { torch: "2.9.1", index: "cu130", gpu: "NVIDIA B300" },
  ],
  [
    "H100 on cu118",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.7.1", index: "cu118", gpu: "NVIDIA H100 PCIe" },
  ],
  [
    "H200 on cu130",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.10.0", index: "cu130", gpu: "NVIDIA H200" },
  ],
  [
    "RTX 4090 runs code of 8.6",
    github("pytorch/pytorch#95648"),
    "works",
    "gpu-runs-torch",
    { torch: "2.7.1", index: "cu128", gpu: "NVIDIA GeForce RTX 4090" },
  ],
  [
    "RTX 4060 on cu118",
    github("pytorch/pytorch#156968"),
    "works",
    "gpu-runs-torch",
    { torch: "2.4.0", index: "cu118", gpu: "NVIDIA GeForce RTX 4060" },
  ],
  [
    "RTX 3050 Ti laptop on cu118",
    github("pytorch/pytorch#156968"),
    "works",
    "gpu-runs-torch",
    { torch: "2.4.0", index: "cu118", gpu: "NVIDIA GeForce RTX 3050 Ti Laptop GPU" },
  ],
  [
    "A10G on cu124",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.5.1", index: "cu124", gpu: "NVIDIA A10G" },
  ],
  [
    "RTX 2080 Ti on cu130",
    pages.torchReleases,
    "works",
    "gpu-runs-torch",
    { torch: "2.9.1", index: "cu130", gpu: "NVIDIA GeForce RTX 2080 Ti" },
  ],
  ["T4 on cu128", measured, "works", "gpu-runs-torch", { torch: "2.7.1", index: "cu128", gpu: "Tesla T4" }],
  [
    "GTX 1650 on cu128",
    measured,
    "works",
    "gpu-runs-torch",
    { torch: "2.8.0", index: "cu128", gpu: "NVIDIA GeForce GTX 1650" },
  ],
];
