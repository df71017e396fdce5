import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { lockProblems, type PackageLock } from "./lock-problems.ts";

// `npm run check:audit`: what package-lock.json may bring, and what is known against it.
const root = join(import.meta.dirname, "..", "..");
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as PackageLock;
const problems = lockProblems(lock);
for (const problem of problems) console.error(`package-lock.json: ${problem}`);
console.log(
  `${Object.keys(lock.packages).length - 1} locked packages: ${problems.length} problems with hashes, addresses, licences, install scripts`,
);

const { exitCode, stdout } = await execa("npm", ["audit", "--omit=dev", "--audit-level=high", "--json"], {
  cwd: root,
  reject: false,
  timeout: 120_000,
});
const report = parsed(stdout);
const counts = report?.metadata?.vulnerabilities;
if (counts) {
  const { high = 0, critical = 0, total = 0 } = counts;
  console.log(`npm audit: ${total} known weaknesses, ${high} high, ${critical} critical`);
  if (exitCode !== 0) console.error(stdout);
} else {
  // Mirrors of the registry often have no such service; a check that did not run must not look like one that did.
  const answer = /^.*?(?= - |$)/.exec(report?.message ?? "")?.[0] || "no answer";
  console.log(`npm audit: SKIP, the registry has no audit service (${answer})`);
}
process.exitCode = problems.length > 0 || (counts && exitCode !== 0) ? 1 : 0;

interface Report {
  metadata?: { vulnerabilities?: Record<string, number> };
  message?: string;
}

function parsed(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
