import type { DiskRoom } from "../host/disk.ts";
import type { BilledBase } from "./bases.ts";
import type { TimedEvent } from "./minutes.ts";
import type { WantedPackage } from "./packages.ts";
import type { BilledImage, HeldFacts } from "./steps-to-run.ts";
import type { Bill, BillPart } from "./types.ts";

/** Everything that a bill is made of: nothing is asked any more. */
export interface BillFacts extends HeldFacts {
  stack: string;
  /** Every image of the plan, parents first. */
  images: BilledImage[];
  /** Packages of each lock, by path; and of each pin, by itself. */
  packages: Map<string, WantedPackage[]>;
  /** Pages of package indexes. */
  pages: BillPart[];
  bases: BilledBase[];
  /** Bytes of remote files of ADD, by address; null where nobody knows. */
  remotes: Map<string, number | null>;
  /** Events of earlier builds, oldest first. */
  events: TimedEvent[];
  /** Hash references that the engine has. */
  references: Set<string>;
  room?: DiskRoom | undefined;
  basis: Bill["basis"];
  /** What could not be asked, one line each. */
  problems: string[];
}
