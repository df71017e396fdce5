import { describeKills } from "./kill-anywhere.ts";

describeKills(Number(process.env["GBH_KILLS"] ?? 6));
