import { cudaData } from "../cuda/data.ts";
import { driverVerdict as byData, type DriverVerdict } from "../cuda/rules/driver.ts";

/** Whether a driver runs a CUDA version, by the project's compatibility data; the rules before an upgrade ask the same. */
export const driverVerdict = (driver: string, cuda: string): DriverVerdict =>
  byData(driver, cuda, cudaData());
