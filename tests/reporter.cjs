// Mocha's own list of tests, then where the time went, then one plain line that a program can read.
const { appendFileSync } = require("node:fs");
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
    // Where tests run in two parts, `npm test` adds the counts of both.
    const counts = process.env.GBH_TEST_COUNTS;
    if (counts) appendFileSync(counts, `${JSON.stringify({ passes, failures, pending })}\n`);
    else console.log(`${passes} passed, ${failures} failed${pending ? `, ${pending} skipped` : ""}`);
    callback(failures);
  }
};
