import { existsSync } from "node:fs";
import { execa } from "execa";

/** Removes network links that are still there: dockerd leaves the bridges of its networks behind. */
export async function removeLinks(names: string[]): Promise<void> {
  for (const name of names.filter((link) => existsSync(`/sys/class/net/${link}`))) {
    await execa("ip", ["link", "delete", name], { reject: false });
  }
}
