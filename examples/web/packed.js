// Files that travel inside a .tflite file: a zip archive behind the model, whose files are stored as they are.

const END = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

/**
 * One of the packed files.
 *
 * @param content of the .tflite file, `Uint8Array`
 * @param name of the packed file
 */
export function packedFile(content, name) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const short = (place) => view.getUint16(place, true);
  const long = (place) => view.getUint32(place, true);
  let end = content.length - END_BYTES;
  while (end >= 0 && long(end) !== END) end -= 1;
  if (end >= 0) {
    const directory = end - long(end + 12);
    // Offsets count from where the archive begins, which is not always where the file does.
    const start = directory - long(end + 16);
    for (let place = directory; place < end; ) {
      const nameBytes = short(place + 28);
      const found = new TextDecoder().decode(content.subarray(place + ENTRY_BYTES, place + ENTRY_BYTES + nameBytes));
      if (found === name && short(place + 10) === 0) {
        const local = start + long(place + 42);
        const first = local + LOCAL_BYTES + short(local + 26) + short(local + 28);
        return content.subarray(first, first + long(place + 20));
      }
      place += ENTRY_BYTES + nameBytes + short(place + 30) + short(place + 32);
    }
  }
  throw new Error(`A model's file has ${name} packed inside. Received one without it. Export the model again.`);
}
