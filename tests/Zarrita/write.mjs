// Writes datasets into the directory that is given: by zarrita where it can, and shards by hand, from chunks that c-blosc and Zstd have encoded.
// Element i of each is value(i), except in chunks that are left out. Prints a line for each: name, element type, shape, missing chunk or -1, rows of a
// chunk, fill value.
import * as zarr from "zarrita";
import FileSystemStore from "@zarrita/storage/fs";
import { Blosc, Zstd } from "numcodecs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const directory = process.argv[2];
const types = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  float32: Float32Array, float64: Float64Array, int64: BigInt64Array, uint64: BigUint64Array,
};
const value = (i) => (i * 37 + 11) % 101;
const bytes = { name: "bytes", configuration: { endian: "little" } };
const blosc = (cname, shuffle, typesize, blocksize) =>
  ({ name: "blosc", configuration: { cname, clevel: 5, shuffle: ["noshuffle", "shuffle", "bitshuffle"][shuffle], typesize, blocksize } });
const zstd = { name: "zstd", configuration: { level: 3, checksum: false } };

function fill(type, length) {
  const data = new types[type](length);
  for (let i = 0; i < length; i++) data[i] = type.endsWith("64") && type !== "float64" ? BigInt(value(i)) : value(i);
  return data;
}

function report(name, type, shape, missing, rows, fillValue) {
  console.log([name, type, shape.join("x"), missing, rows, fillValue].join(" "));
}

// By zarrita: a file a chunk.
async function plain(name, type, shape, rows, codecs) {
  const store = new FileSystemStore(join(directory, name));
  const chunkShape = [rows, ...shape.slice(1)];
  const fillValue = type.endsWith("64") && type !== "float64" ? 0n : 0;
  const array = await zarr.create(store, { shape, chunkShape, dtype: type, codecs: [bytes, ...codecs], fillValue: 0 });
  const length = shape.reduce((a, b) => a * b, 1);
  const stride = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  await zarr.set(array, null, { data: fill(type, length), shape, stride });
  report(name, type, shape, -1, rows, Number(fillValue));
}

const table = Array.from({ length: 256 }, (_, n) => {
  for (let i = 0; i < 8; i++) n = (n >>> 1) ^ (n & 1 ? 0x82f63b78 : 0);
  return n >>> 0;
});
function crc32c(data) {
  let crc = ~0 >>> 0;
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

// By hand, as the specification of sharding_indexed says.
async function sharded(name, type, shape, rows, chunksAShard, codec, encode, missing, fillValue, atEnd) {
  const path = join(directory, name);
  const size = types[type].BYTES_PER_ELEMENT;
  const row = shape.slice(1).reduce((a, b) => a * b, 1);
  const all = fill(type, shape[0] * row);
  const source = new Uint8Array(all.buffer);
  const chunks = Math.ceil(shape[0] / rows);
  await mkdir(join(path, "c"), { recursive: true });
  const rest = shape.slice(1);
  const index_codecs = [bytes, { name: "crc32c" }];
  const inner = { chunk_shape: [rows, ...rest], codecs: [bytes, ...codec], index_codecs, index_location: atEnd ? "end" : "start" };
  await writeFile(join(path, "zarr.json"), JSON.stringify({
    zarr_format: 3, node_type: "array", shape, data_type: type, fill_value: fillValue,
    chunk_grid: { name: "regular", configuration: { chunk_shape: [rows * chunksAShard, ...rest] } },
    chunk_key_encoding: { name: "default", configuration: { separator: "/" } },
    codecs: [{ name: "sharding_indexed", configuration: inner }], attributes: {},
  }));
  for (let shard = 0; shard * chunksAShard < chunks; shard++) {
    const index = new BigUint64Array(2 * chunksAShard).fill(2n ** 64n - 1n);
    const parts = [];
    let at = atEnd ? 0 : 16 * chunksAShard + 4;
    for (let i = chunksAShard - 1; i >= 0; i--) {
      const chunk = shard * chunksAShard + i;
      if (chunk >= chunks || chunk === missing) continue;
      const data = new Uint8Array(rows * row * size);
      data.set(source.subarray(chunk * rows * row * size, Math.min(source.length, (chunk + 1) * rows * row * size)));
      const encoded = await encode(data);
      index[2 * i] = BigInt(at);
      index[2 * i + 1] = BigInt(encoded.length);
      parts.push(encoded);
      at += encoded.length;
    }
    const told = new Uint8Array(index.buffer);
    const checksum = new Uint8Array(new Uint32Array([crc32c(told)]).buffer);
    const file = join(path, "c", [shard, ...rest.map(() => 0)].join("/"));
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, Buffer.concat(atEnd ? [...parts, told, checksum] : [told, checksum, ...parts]));
  }
  report(name, type, shape, missing, rows, fillValue);
}

for (const type of Object.keys(types)) {
  const size = types[type].BYTES_PER_ELEMENT;
  await plain(`plain-${type}`, type, [10_000], 1_000, [blosc("lz4", 1, size, 0)]);
  const codec = Blosc.fromConfig({ id: "blosc", cname: "zstd", clevel: 5, shuffle: 2, blocksize: 0, typesize: size });
  await sharded(`shards-${type}`, type, [1_003, 17], 64, 5, [blosc("zstd", 2, size, 0)], (data) => codec.encode(data), 6, 7, type !== "int16");
}
for (const cname of ["lz4", "lz4hc", "zstd"])
  for (const shuffle of [0, 1, 2])
    for (const blocksize of [0, 512, 4_096])
      await plain(`blosc-${cname}-${shuffle}-${blocksize}`, "int32", [5_001, 3], 700, [blosc(cname, shuffle, 4, blocksize)]);
await plain("zstd", "float64", [70_000], 30_000, [zstd]);
await plain("bytes", "uint16", [3_000, 5, 2], 123, []);
const frame = Zstd.fromConfig({ id: "zstd", level: 3 });
await sharded("shards-zstd", "float32", [9_999], 1_024, 4, [zstd], (data) => frame.encode(data), -1, 0, true);
