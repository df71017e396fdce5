import assert from "node:assert/strict";
import type { BuildNote } from "../../lib/bill/build-notes.ts";
import { withEarlier } from "../../lib/bill/note-build.ts";

describe("the note of a build", () => {
  it("still knows what a mount holds after the same image came from the build cache", () => {
    const step = { key: "one", work: "w", text: "RUN make it", bytes: 5 };
    const before: BuildNote = {
      ...{ stack: "dev", image: "app", reference: "x", time: "1", key: "k", aptBytes: 7, seconds: 40 },
      steps: [{ ...step, ran: true, seconds: 39 }],
      mounts: [{ id: "m1", target: "/root/.cache/uv", bytes: 1, files: ["f"] }],
    };
    const cached = { ...before, time: "2", seconds: 1, aptBytes: 0, mounts: [] };
    const again = withEarlier({ ...cached, steps: [{ ...step, ran: false, seconds: 0 }] }, before);
    assert.deepEqual(again, { ...before, time: "2", seconds: 1 });
    const more = { ...cached, mounts: [{ ...before.mounts[0]!, files: ["g"] }] };
    assert.deepEqual(withEarlier(more, before).mounts[0]!.files, ["g", "f"]);
  });
});
