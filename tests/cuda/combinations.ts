import type { Case } from "./combinations/case.ts";
import { attentionCases } from "./combinations/attention.ts";
import { companionCases } from "./combinations/companions.ts";
import { containerCases } from "./combinations/containers.ts";
import { driverCases } from "./combinations/drivers.ts";
import { kernelCases } from "./combinations/kernels.ts";
import { nvccCases } from "./combinations/nvcc.ts";
import { olderGpuCases } from "./combinations/older-gpus.ts";
import { speechCases } from "./combinations/speech.ts";
import { torchBuildCases } from "./combinations/torch-builds.ts";

/** Combinations that somebody ran or a maker describes, with what came of it. */
export const cases: Case[] = [
  ...driverCases,
  ...containerCases,
  ...kernelCases,
  ...olderGpuCases,
  ...nvccCases,
  ...torchBuildCases,
  ...companionCases,
  ...speechCases,
  ...attentionCases,
];
