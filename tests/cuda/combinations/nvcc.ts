import { github, pages, type Case } from "./case.ts";

const rtx5090 = "NVIDIA GeForce RTX 5090";
const comfy = github("Comfy-Org/ComfyUI#16438");

/** What nvcc of a CUDA version compiles for. */
export const nvccCases: Case[] = [
  [
    "nvcc of 12.6 does not know 12.0",
    pages.architectures,
    "fails",
    "architectures-compile",
    { torch: "2.7.1", index: "cu126", architectures: ["8.6", "12.0"] },
  ],
  [
    "nvcc of 12.4 does not know 10.0",
    pages.architectures,
    "fails",
    "architectures-compile",
    { torch: "2.6.0", index: "cu124", architectures: ["8.6", "10.0"] },
  ],
  [
    "nvcc of 12.8 knows 12.0",
    pages.architectures,
    "works",
    "architectures-compile",
    { torch: "2.7.1", index: "cu128", architectures: ["8.6", "8.9", "12.0"] },
  ],
  [
    "nvcc of 12.8 does not know 12.1",
    pages.architectures,
    "fails",
    "architectures-compile",
    { torch: "2.7.1", index: "cu128", architectures: ["8.6", "12.1"] },
  ],
  [
    "nvcc of 13.0 no longer knows 7.0",
    pages.architectures,
    "fails",
    "architectures-compile",
    { torch: "2.9.1", index: "cu130", architectures: ["7.0", "8.6"] },
  ],
  [
    "nvcc of 13.0 no longer knows 6.1",
    comfy,
    "fails",
    "architectures-compile",
    { torch: "2.9.1", index: "cu130", architectures: ["6.1", "8.6"] },
  ],
  [
    "nvcc of 13 no longer knows 5.0",
    github("istitov/stuff#292"),
    "fails",
    "architectures-compile",
    { torch: "2.11.0", index: "cu130", architectures: ["5.0", "8.6"] },
  ],
  [
    "nvcc of 12 no longer knows 3.5",
    github("pytorch/pytorch#121099"),
    "fails",
    "architectures-compile",
    { torch: "2.3.0", index: "cu121", architectures: ["3.5", "8.6"] },
  ],
  [
    "nvcc of 12.1 no longer knows 3.7",
    github("lisa-analysis-tools/GBGPU#7"),
    "fails",
    "architectures-compile",
    { torch: "2.3.0", index: "cu121", architectures: ["3.7", "8.6"] },
  ],
  [
    "nvcc of 11.8 knows 3.7 and 9.0",
    pages.architectures,
    "works",
    "architectures-compile",
    { torch: "2.3.0", index: "cu118", architectures: ["3.7", "8.6", "9.0"] },
  ],
  [
    "nothing is compiled for the GPU",
    github("nerfstudio-project/gsplat#1053"),
    "unknown",
    "architectures-cover-host",
    { torch: "2.7.1", index: "cu128", gpu: rtx5090, architectures: ["8.6", "8.9"] },
  ],
  [
    "PTX of 8.9 reaches a 12.0",
    pages.minorVersions,
    "works",
    "architectures-compile",
    { torch: "2.7.1", index: "cu128", gpu: rtx5090, architectures: ["8.6", "8.9+PTX"] },
  ],
  [
    "extensions of torch 2.9.0 for 10.1",
    github("pytorch/pytorch#166120"),
    "fails",
    "architectures-compile",
    { torch: "2.9.0", index: "cu128", architectures: ["8.6", "10.1"] },
  ],
  [
    "extensions of torch 2.7.1 for 10.1",
    github("pytorch/pytorch#166120"),
    "works",
    "architectures-compile",
    { torch: "2.7.1", index: "cu128", architectures: ["8.6", "10.1"] },
  ],
];
