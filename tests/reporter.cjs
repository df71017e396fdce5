// Mocha's own list of tests, then where the time went, then one plain line that a program can read.
const { readFileSync, writeFileSync } = require("node:fs");
const { relative } = require("node:path");
const { reporters } = require("mocha");

const slowest = 12;

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    this.files = new Map();
    for (const event of ["test end", "hook end"]) runner.on(event, (work) => this.note(work));
  }

  /** Adds the milliseconds of a test, or of what prepares it, to its file. */
  note({ file, duration = 0 }) {
    if (file) this.files.set(file, (this.files.get(file) ?? 0) + duration);
  }

  done(failures, callback) {
    const { passes = 0, pending = 0 } = this.stats ?? {};
    const files = [...this.files].sort(([, a], [, b]) => b - a).slice(0, slowest);
    if (files.length > 0) console.log("Slowest files:");
    for (const [file, ms] of files) {
      console.log(`  ${(ms / 1000).toFixed(0).padStart(5)} s  ${relative(process.cwd(), file)}`);
    }
    // Where `npm test` runs tests in two parts, the first one leaves its counts, and the second adds them to its own.
    const { GBH_TEST_COUNTS: own, GBH_TEST_EARLIER: earlier } = process.env;
    const before = earlier ? JSON.parse(readFileSync(earlier, "utf8")) : {};
    const { passed = 0, failed = 0, skipped = 0 } = before;
    const counts = { passed: passed + passes, failed: failed + failures, skipped: skipped + pending };
    if (own) writeFileSync(own, JSON.stringify(counts));
    else console.log(line(counts));
    callback(failures);
  }
};

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`;
}
