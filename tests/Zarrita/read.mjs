// Reads datasets with zarrita, and says of each: its path, element type, shape, and the SHA-256 of its elements in C order.
import * as zarr from "zarrita";
import FileSystemStore from "@zarrita/storage/fs";
import { createHash } from "node:crypto";

for (const path of process.argv.slice(2)) {
  const array = await zarr.open(new FileSystemStore(path), { kind: "array" });
  const { data } = await zarr.get(array);
  const bytes = data.buffer
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : Uint8Array.from(data, Number); // booleans
  console.log([path, array.dtype, array.shape.join("x"), createHash("sha256").update(bytes).digest("hex")].join(" "));
}
