import assert from "node:assert/strict";
import { cudaImage, digests, runPlan, type Situation } from "./plan-run.ts";

interface Case extends Situation {
  title: string;
  args?: string[];
  /** First word of the answer. @default an error */
  verdict?: "works" | "unknown" | "FAILS";
  /** Each stands on one line of its own, once. */
  lines: RegExp[];
}

const locks = "cuda-base/locks/torch2.7.1-cu126-py310";
const lockOfImages = (digest: string) =>
  `images:\n  ${cudaImage}: ${digest}\n  registry:3.1.1: ${digests.then}\n`;
const wheel =
  "https://github.com/Dao-AILab/flash-attention/releases/download/v2.8.3/flash_attn-2.8.3%2Bcu12torch2.6cxx11abiTRUE-cp310-cp310-linux_x86_64.whl";
/** A service that installs a wheel of flash-attn by its address. */
const withWheel: Situation = {
  files: {
    "app/Dockerfile":
      "FROM cuda-base:runtime-12.6\nCOPY requirements.txt /\nRUN pip3 install -r /requirements.txt\n",
    "app/requirements.txt": `flash-attn @ ${wheel}\n`,
  },
  settings: { services: { app: { context: "app" } } },
};

const cases: Case[] = [
  {
    title: "a CUDA version that nobody knows",
    args: ["--set", "cudaBase.cuda=12.7"],
    verdict: "unknown",
    lines: [/known-cuda: CUDA 12\.7 is not in the data; the nearest that is: 12\.6 /],
  },
  {
    title: "a torch version that nobody knows",
    args: ["--set", "cudaBase.torch=2.7.9"],
    verdict: "unknown",
    lines: [/known-torch: torch 2\.7\.9 is not in the data; the nearest that is: 2\.7\.1 /],
  },
  {
    title: "versions and a driver that are none",
    args: ["--set", "cudaBase.cuda=abc", "--set", "cudaBase.torch=latest", "--set", "host.driver=garbage"],
    lines: [
      /cudaBase\.cuda must be major\.minor such as "12\.8", got "abc"/,
      /cudaBase\.torch must be a full version such as "2\.7\.1", got "latest"/,
      /host\.driver must be a driver version such as "570\.86\.15" .*, got "garbage"/,
    ],
  },
  {
    title: "nvidia-smi that hangs",
    nvidiaSmi: "exec sleep 60",
    verdict: "unknown",
    lines: [/driver not known \(nvidia-smi gives no answer on this host\)/],
  },
  {
    title: "nvidia-smi that prints errors",
    nvidiaSmi: "echo 'Unable to determine the device handle for GPU0: Unknown Error' >&2; exit 15",
    verdict: "unknown",
    lines: [/driver not known \(nvidia-smi names no driver on this host: Unable to determine the device/],
  },
  {
    title: "nvidia-smi whose driver is no version",
    nvidiaSmi: "echo '999999.1, NVIDIA GeForce RTX 4090, 8.9'",
    verdict: "unknown",
    lines: [/driver-runs-cuda: "999999\.1" is no version of NVIDIA's driver/],
  },
  {
    title: "a lock that does not parse",
    files: { [`${locks}/python.lock`]: "<<<<<<< HEAD\nfilelock==3.19.1\n" },
    verdict: "unknown",
    lines: [
      new RegExp(`pins-read: ${locks}/python\\.lock:1: "<<<<<<< HEAD" is no requirement; .*npm run lock`),
      new RegExp(`unknown: packages of ${locks}/python\\.lock: it cannot be read as a lock`),
    ],
  },
  {
    title: "an images.lock.yaml that does not parse",
    files: { "images.lock.yaml": "images: [\n" },
    verdict: "unknown",
    lines: [/images-planned: images\.lock\.yaml: .*; repair it, or delete it to have it filled again/],
  },
  {
    title: "an index that does not answer",
    settings: {
      cudaBase: {
        ...{ cuda: "12.6", torch: "2.7.1", python: "3.10", image: cudaImage, cudaArchitectures: ["8.6"] },
        packageIndex: "REGISTRY/whl/cu126",
      },
    },
    files: { [`${locks}/torch.lock.sizes.json`]: null },
    verdict: "works",
    lines: [/unknown: .*torch 2\.7\.1 and .*: no size is written down, and the index did not say/],
  },
  {
    title: "a registry without sizes",
    registry: "without sizes",
    verdict: "works",
    lines: [
      /unknown: nvidia\/cuda:12\.6\.3.*: its registry does not say \(its manifest has no sizes of layers\)/,
    ],
  },
  {
    title: "a registry that answers with a web page",
    files: { "images.lock.yaml": lockOfImages(digests.then) },
    registry: "no JSON",
    verdict: "works",
    lines: [/unknown: nvidia\/cuda:12\.6\.3.*: its registry does not say \(http:\/\/registry: /],
  },
  {
    title: "a registry that is away",
    registry: "away",
    verdict: "works",
    lines: [
      /unknown: nvidia\/cuda:12\.6\.3.*: its digest is not known/,
      /digest of nvidia\/cuda:12\.6\.3.* could not be asked for \(http:\/\/registry: ECONNREFUSED.*\): images on it count as to be built/,
    ],
  },
  {
    title: "a tag of the base that moved",
    files: { "images.lock.yaml": lockOfImages(digests.then) },
    registry: "moved",
    verdict: "works",
    lines: [
      /nvidia\/cuda:12\.6\.3-base-ubuntu22\.04 is another image today \(sha256:b+\) than .* \(sha256:a+ in images\.lock\.yaml\): take it with npm run lock -- digests --stack plan/,
    ],
  },
  {
    title: "a wheel of flash-attn that is compiled for another torch",
    ...withWheel,
    verdict: "FAILS",
    lines: [
      /flash-attn-wheel: flash-attn 2\.8\.3\+cu12torch2\.6cxx11abiTRUE is compiled for torch 2\.6, the base has torch 2\.7\.1/,
      /fix: take its wheel for cu12torch2\.7$/,
    ],
  },
];

const exitCodes = { works: 0, unknown: 0, FAILS: 2 };

describe("npm run plan with bad input", function () {
  this.timeout(60_000);

  for (const { title, args = [], verdict, lines, ...situation } of cases)
    it(`answers in a line, with its exit code, to ${title}`, async () => {
      const { exitCode, output } = await runPlan(situation, args);
      assert.equal(exitCode, verdict === undefined ? 1 : exitCodes[verdict], output);
      assert.match(output, verdict === undefined ? /^Invalid settings in / : new RegExp(`^${verdict}: `));
      for (const line of lines)
        assert.equal(output.split("\n").filter((one) => line.test(one)).length, 1, `${line}\n${output}`);
      assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+|\bundefined\b(?! symbol)|NaN|\[object/);
    });
});
