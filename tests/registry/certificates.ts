import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Makes keys and certificates with openssl in a folder of its own. */
export class Certificates {
  readonly folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A self-signed certificate `<name>.pem` with `<name>.key`; of a CA where no address is given. */
  selfSigned(name: string, address?: string): void {
    const extension = address ? `subjectAltName=IP:${address}` : "keyUsage=critical,keyCertSign";
    this.openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-subj", `/CN=${name}`, "-addext", extension],
      ...["-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.pem`)],
    );
  }

  /** `<name>.pem` with `<name>.key`, signed by `<ca>.pem`. */
  signed(name: string, ca: string, address?: string): void {
    this.openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "2", "-subj", `/CN=${name}`],
      ...["-CA", this.path(`${ca}.pem`), "-CAkey", this.path(`${ca}.key`)],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...(address ? ["-addext", `subjectAltName=IP:${address}`] : []),
      ...["-keyout", this.path(`${name}.key`), "-out", this.path(`${name}.pem`)],
    );
  }

  private openssl(...args: string[]): void {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
