// Mocha's own list of tests, then one plain line that a program can read.
const { reporters } = require("mocha");

module.exports = class extends reporters.Spec {
  done(failures, callback) {
    const { passes = 0, pending = 0 } = this.stats ?? {};
    console.log(`${passes} passed, ${failures} failed${pending ? `, ${pending} skipped` : ""}`);
    callback(failures);
  }
};
