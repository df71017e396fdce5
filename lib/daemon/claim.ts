import type { OwnedEntry } from "./merge.ts";

/** One stack's right to one entry. Several stacks may claim the same: it stays until the last one leaves. */
export type Claim = OwnedEntry & {
  stack: string;
  /** ISO time. */
  since: string;
};

/** What one stack wants to have in the file. No entries: it leaves. */
export interface Wish {
  stack: string;
  entries: OwnedEntry[];
  /** What this stack set earlier by its own record: used only where the ledger is lost. */
  previously: OwnedEntry[];
  /** Take over values of somebody else's; they are given back when the last stack leaves. */
  override: boolean;
  now: Date;
  /** dockerd was told the file's name and would not start without the file. */
  fileRequired: boolean;
}
