import assert from "node:assert/strict";
import { reportedStep } from "../../lib/images/step-labels.ts";

describe("what BuildKit reported of an instruction", () => {
  const reported = [
    { name: "[stage-1 1/6] RUN --mount=type=cache,target=/var/cache/apt apt-get update" }, // another build's name for ours
    { name: "[stage-1 1/5] RUN make" },
    { name: "[stage-4 2/7] RUN base-check --cuda 12.6" },
    { name: "[stage-4 3/7] COPY --chmod=755 . ." },
  ];
  const nameOf = (label: string, text: string) => reportedStep(reported, { label, text })?.name;

  it("is the step of its words, under whatever name", () => {
    assert.equal(nameOf("stage-4 1", "RUN apt-get  update"), reported[0]!.name);
    assert.equal(nameOf("stage-1 1", "RUN make"), reported[1]!.name);
    assert.equal(nameOf("stage-4 3", "COPY . ."), reported[3]!.name);
  });

  it("is the step of its number where a variable has got its value", () => {
    assert.equal(nameOf("stage-4 2", 'RUN base-check --cuda "$CUDA"'), reported[2]!.name);
  });

  it("is nothing where no step has either", () => {
    assert.equal(nameOf("stage-4 7", "RUN date"), undefined);
    assert.equal(nameOf("stage-0 1", "COPY .. ."), undefined);
  });
});
