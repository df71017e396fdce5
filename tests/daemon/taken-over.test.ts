import assert from "node:assert/strict";
import { entriesOf } from "../../lib/daemon/desired.ts";
import { planFile, type Plan } from "../../lib/daemon/ledger.ts";

const plan = (
  before: Pick<Plan, "text"> & Partial<Plan>,
  stack: string,
  seconds?: number,
  override = false,
) =>
  planFile("/f", before.text, before.ledger, {
    stack,
    entries: entriesOf([], seconds === undefined ? {} : { "shutdown-timeout": seconds }),
    previously: [],
    override,
    now: new Date(0),
    fileRequired: false,
  });

describe("a value that a stack has taken over", () => {
  const text = '{"shutdown-timeout": 20}';

  it("changes without asking again, and the former one is given back", () => {
    const changed = plan(plan({ text }, "dev", 32, true), "dev", 33);
    assert.equal(changed.text, '{"shutdown-timeout": 33}');
    assert.throws(
      () => plan(changed, "b", 33),
      /had shutdown-timeout = 20 before a stack took it over, this/,
    );
    assert.equal(plan(changed, "dev").text, text);
  });

  it("is asked about after somebody's edit, and where it was only agreed with", () => {
    const edited = { ...plan({ text }, "dev", 32, true), text: '{"shutdown-timeout": 40}' };
    assert.throws(() => plan(edited, "dev", 33), /has shutdown-timeout = 40, this/);
    assert.throws(() => plan(plan({ text }, "dev", 20), "dev", 21), /has shutdown-timeout = 20, this/);
  });
});
