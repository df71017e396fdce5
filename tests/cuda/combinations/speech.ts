import { github, pages, type Case } from "./case.ts";

/** Speech packages on older drivers and GPUs, and pairs that neither torch nor its index knows. */
export const speechCases: Case[] = [
  [
    "ctranslate2 4 on a GTX 950",
    github("SYSTRAN/faster-whisper#806"),
    "fails",
    "ctranslate2-on-gpu",
    {
      torch: "2.6.0",
      index: "cu124",
      gpu: "NVIDIA GeForce GTX 950",
      driver: "550.144.03",
      pins: "ctranslate2==4.6.0",
    },
  ],
  [
    "ctranslate2 4 on a TITAN X of Maxwell",
    github("OpenNMT/CTranslate2#1765"),
    "fails",
    "ctranslate2-on-gpu",
    {
      torch: "2.7.1",
      index: "cu126",
      gpu: "NVIDIA GeForce GTX TITAN X",
      driver: "570.124.06",
      pins: "ctranslate2==4.6.3",
    },
  ],
  [
    "ctranslate2 4.6.3 on a driver older than its CUDA",
    github("OpenNMT/CTranslate2#1978"),
    "unknown",
    "ctranslate2-on-driver",
    { torch: "2.7.1", index: "cu126", gpu: "NVIDIA L4", driver: "550.90.07", pins: "ctranslate2==4.6.3" },
  ],
  [
    "ctranslate2 4.6.2 on the same driver",
    github("OpenNMT/CTranslate2#1978"),
    "works",
    "ctranslate2-finds-its-libraries",
    { torch: "2.7.1", index: "cu126", gpu: "NVIDIA L4", driver: "550.90.07", pins: "ctranslate2==4.6.2" },
  ],
  [
    "faster-whisper 1.0.2 and ctranslate2 3.24.0",
    github("jianchang512/pyvideotrans#410"),
    "fails",
    "package-clash:faster-whisper-1-ctranslate2-3",
    { torch: "2.3.1", index: "cu118", pins: "faster-whisper==1.0.2 ctranslate2==3.24.0" },
  ],
  [
    "faster-whisper 0.10.1 and ctranslate2 4.0.0",
    github("SYSTRAN/faster-whisper#735"),
    "fails",
    "package-clash:faster-whisper-0-ctranslate2-4",
    { torch: "2.3.1", index: "cu121", pins: "faster-whisper==0.10.1 ctranslate2==4.0.0" },
  ],
  [
    "whisperx 3.7.3 and pytorch-lightning 2.6.0, pyannote not pinned",
    github("ahmetoner/whisper-asr-webservice#383"),
    "fails",
    "package-clash:whisperx-pytorch-lightning",
    { torch: "2.7.1", index: "cu128", pins: "whisperx==3.7.3 pytorch-lightning==2.6.0" },
  ],
  [
    "torchcodec 0.10.0 on torch 2.8.0",
    github("rishikanthc/Scriberr#413"),
    "fails",
    "package-clash:torchcodec-torch210",
    { torch: "2.8.0", index: "cu128", pins: "torchcodec==0.10.0" },
  ],
  [
    "torchcodec 0.7.0 on torch 2.8.0",
    pages.torchcodec,
    "works",
    "package-clash:torchcodec-torch28",
    { torch: "2.8.0", index: "cu128", pins: "torchcodec==0.7.0" },
  ],
  [
    "torchcodec 0.7.0 on torch 2.7.1",
    pages.torchcodec,
    "fails",
    "package-clash:torchcodec-torch28",
    { torch: "2.7.1", index: "cu128", pins: "torchcodec==0.7.0" },
  ],
  [
    "torchcodec 0.9.1 on torch 2.10.0",
    pages.torchcodec,
    "fails",
    "package-clash:torchcodec-torch29",
    { torch: "2.10.0", index: "cu128", pins: "torchcodec==0.9.1" },
  ],
];
