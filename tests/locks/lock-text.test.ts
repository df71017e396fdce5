import assert from "node:assert/strict";
import { describeDifference, compareLocks, isEmpty } from "../../lib/locks/lock-difference.ts";
import { formatLock, parseLock, pins } from "../../lib/locks/lock-text.ts";

const text = `# Made by a test.
einops==0.8.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
flash-attn @ https://example.org/flash.whl \\
    --hash=sha256:cc
torch==2.7.1+cu128 \\
    --hash=sha256:dd
`;

describe("a package lock", () => {
  it("reads and writes the same text", () => {
    assert.equal(formatLock(parseLock(text)), text);
  });

  it("drops the comments that uv writes between entries, and nothing else", () => {
    const commented = text.replace(
      "    --hash=sha256:bb\n",
      "    --hash=sha256:bb\n    # via\n    #   -r requirements.in\n",
    );
    assert.equal(formatLock(parseLock(commented)), text);
  });

  it("gives versions as pins, where there is a version", () => {
    assert.deepEqual(pins(parseLock(text)), ["einops==0.8.1", "torch==2.7.1+cu128"]);
  });

  it("names what changed: versions, additions, removals, and files that are not what they were", () => {
    const before = parseLock(
      "a==1 \\\n    --hash=sha256:11\nb==1 \\\n    --hash=sha256:22\nc==1 \\\n    --hash=sha256:33\n",
    );
    const after = parseLock(
      "A==2 \\\n    --hash=sha256:11\nb==1 \\\n    --hash=sha256:99\nd==1 \\\n    --hash=sha256:44\n".toLowerCase(),
    );
    assert.deepEqual(describeDifference(compareLocks(before, after)), [
      "  a 1 → 2",
      "  + d 1",
      "  - c 1",
      "  b: same version, other hashes",
    ]);
  });

  it("sees no difference in the order of hashes", () => {
    const turned = text.replace("sha256:aa \\\n    --hash=sha256:bb", "sha256:bb \\\n    --hash=sha256:aa");
    assert.ok(isEmpty(compareLocks(parseLock(text), parseLock(turned))));
  });
});
