import type { History, ImageEvent, RunRecord } from "../../lib/images/history-types.ts";
import type { BuildStep } from "../../lib/images/build-progress.ts";

/** A made-up history of weeks of four images. */

export const day = 86_400_000;
export const now = Date.parse("2026-11-30T09:00:00Z");

/** `"RUN make 12.5"` ran for 12.5 s, `"RUN make cached"` came from the cache. */
type MadeStep = [name: string, seconds: number | "cached"];

interface MadeImage {
  image: string;
  reasons: string[];
  /** Seconds after the run's beginning. */
  at: number;
  steps: MadeStep[];
  housekeeping?: MadeStep[];
  smoke?: number;
  pulled?: number;
  result?: ImageEvent["result"];
}

const parts: Record<string, Record<string, string>> = {
  "cuda-base-runtime": { dockerfile: "1", "external nvidia/cuda:12.8.1-base-ubuntu22.04": "sha256:1" },
  "cuda-base-devel": { dockerfile: "1", "parent cuda-base-runtime": "r" },
  whisperx: { dockerfile: "1", "parent cuda-base-runtime": "r" },
  infinitetalk: { dockerfile: "1", "parent cuda-base-runtime": "r", "parent cuda-base-devel": "d" },
};

export const tags: Record<string, string> = {
  "cuda-base-runtime": "cuda-base:runtime-12.8",
  "cuda-base-devel": "cuda-base:devel-12.8",
  whisperx: "whisperx:cu128",
  infinitetalk: "infinitetalk:cu128",
};

export const referenceOf = (image: string): string => `localhost:1/dev/${image}:cu128-0123456789abcdef`;

/** Events of one run with the line of the whole run. */
function run(daysAgo: number, images: MadeImage[]): { events: ImageEvent[]; run: RunRecord } {
  const began = now - daysAgo * day;
  const time = (seconds: number): string => new Date(began + seconds * 1000).toISOString();
  const events = images.map((made): ImageEvent => {
    const { image, reasons, at, steps, smoke = 0, pulled = 0, result = "built" } = made;
    let clock = at;
    const timed = (list: MadeStep[]): BuildStep[] =>
      list.map(([name, took]) => {
        const seconds = took === "cached" ? 0 : took;
        const step = { name, cached: took === "cached", seconds, began: time(clock) };
        clock += seconds;
        return step;
      });
    const housekeeping = timed((made.housekeeping ?? []).slice(0, 1));
    const done = timed(steps);
    housekeeping.push(...timed((made.housekeeping ?? []).slice(1)));
    const buildSeconds = Math.round((clock - at) * 10) / 10;
    return {
      ...{ began: time(at), time: time(clock + smoke), run: `run-${daysAgo}`, stack: "dev", image },
      ...{ hash: "0123456789abcdef", reference: referenceOf(image), tags: [tags[image]!], result, reasons },
      ...{ parts: parts[image]!, buildSeconds, smokeSeconds: smoke, steps: done, housekeeping },
      ...{ size: 1, fetchedBytes: pulled },
    };
  });
  const ended = Math.max(...events.map((event) => Date.parse(event.time)));
  return {
    events,
    run: {
      ...{ kind: "run", format: 2, run: `run-${daysAgo}`, stack: "dev", began: time(0) },
      ...{ seconds: (ended - began) / 1000 + 1.4, result: "done", changed: events.length },
    },
  };
}

const from = "[runtime 1/8] FROM docker.io/nvidia/cuda:12.8.1-base-ubuntu22.04@sha256:1";
const apt =
  "RUN --mount=type=cache,id=apt,target=/var/cache/apt apt-get update -qq && apt-get upgrade -qq -y";

const runtime = (at: number, base: boolean): MadeImage => ({
  image: "cuda-base-runtime",
  reasons: base ? ["new"] : ["file os-patches"],
  at,
  housekeeping: [
    [from, base ? 9.5 : 0.2],
    ["exporting to image", base ? 21 : 3],
  ],
  steps: [
    ["[installer 2/4] RUN apt-get update && apt-get install -y python3 python3-venv", base ? 14 : "cached"],
    ["[installer 3/4] RUN python3 -m venv /uv && /uv/bin/pip install uv==0.13.9", base ? 6 : "cached"],
    [
      "[runtime 2/8] RUN --mount=type=bind,from=installer,target=/installer /installer/add-packages /run/nvidia.lock",
      base ? 48 : "cached",
    ],
    [
      "[runtime 3/8] RUN --mount=type=bind,from=installer,target=/installer /installer/add-packages /run/torch.lock",
      base ? 37 : "cached",
    ],
    [
      "[runtime 4/8] RUN --mount=type=bind,from=installer,target=/installer /installer/add-packages /run/python.lock",
      base ? 8 : "cached",
    ],
    [`[runtime 5/8] ${apt}`, base ? 26 : 24],
    ["[runtime 6/8] COPY --from=uv /uv/bin/uv /usr/local/bin/uv", 0.4],
  ],
  smoke: 12,
  pulled: base ? 92e6 : 0,
});

const whisperx = (at: number, reasons: string[], isCode: boolean): MadeImage => ({
  image: "whisperx",
  reasons,
  at,
  housekeeping: [
    ["[internal] load build context", 0.3],
    ["exporting to image", isCode ? 2.5 : 6],
  ],
  steps: [
    ["[stage-0 2/5] WORKDIR /app", isCode ? "cached" : 0.1],
    ["[stage-0 3/5] COPY . /app", 0.2],
    ["[stage-0 4/5] RUN pip3 install -r requirements.txt", isCode ? 41 : 39],
    ["[stage-0 5/5] RUN useradd whisper", 0.6],
  ],
  smoke: 9,
});

const infinitetalk = (at: number, isFirst: boolean): MadeImage => ({
  image: "infinitetalk",
  reasons: isFirst ? ["new"] : ["file app/server.py"],
  at,
  housekeeping: [
    ["[internal] load build context", 0.2],
    ["exporting to image", isFirst ? 14 : 1.2],
  ],
  steps: [
    ["[wheels 2/3] RUN pip3 wheel flash-attn==2.8.0.post2", isFirst ? 93 : "cached"],
    ["[stage-1 2/6] RUN pip3 install -r /run/requirements.lock", isFirst ? 58 : "cached"],
    ["[stage-1 3/6] COPY --from=wheels /wheels /wheels", isFirst ? 1 : "cached"],
    ["[stage-1 4/6] COPY app /app", 0.1],
  ],
  smoke: 16,
});

const devel: MadeImage = {
  image: "cuda-base-devel",
  reasons: ["new"],
  at: 170,
  housekeeping: [["exporting to image", 5]],
  steps: [
    ["[devel 2/3] RUN apt-get update && apt-get install -y gcc-12 cuda-nvcc-12-8", 33],
    ["[devel 3/3] ENV CC=gcc-12", "cached"],
  ],
  smoke: 8,
};

const code = ["file app/main.py"];

/** Runs in which code, packages and patches changed, and one that failed. */
export function madeHistory(): History {
  const runs = [
    run(26, [runtime(2, true), devel, whisperx(172, ["new"], false), infinitetalk(216, true)]),
    run(24, [whisperx(2, code, true)]),
    run(23, [infinitetalk(2, false)]),
    run(20, [whisperx(2, code, true)]),
    run(17, [whisperx(2, ["file requirements.txt"], false)]),
    run(12, [whisperx(2, code, true), infinitetalk(2.4, false)]),
    run(9, [{ ...whisperx(2, code, true), result: "failed" }]),
    run(8, [whisperx(2, code, true)]),
    run(3, [
      runtime(2, false),
      { ...devel, at: 42, reasons: ["its base is built again"] },
      whisperx(42, ["its base is built again"], false),
      infinitetalk(88, true),
    ]),
    run(1, [whisperx(2, code, true), infinitetalk(2.2, false)]),
  ];
  return {
    events: runs.flatMap(({ events }) => events),
    runs: runs.map((one) => one.run),
    unreadable: [],
  };
}
