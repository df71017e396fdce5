import { describeKills } from "../faults/kill-anywhere.ts";

describeKills(Number(process.env["GBH_KILLS"] ?? 100));
