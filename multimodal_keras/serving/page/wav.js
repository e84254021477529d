// A WAV file: RIFF, one channel, 16-bit PCM, little-endian.

const HEADER_BYTES = 44;

/**
 * Samples as a file.
 *
 * @param chunks arrays of samples from -1 to 1; what is beyond is clipped
 * @param rate samples a second
 * @param name of the file
 */
export function wavFile(chunks, rate, name) {
  const count = chunks.reduce((total, chunk) => total + chunk.length, 0);
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * count));
  const word = (place, text) => [...text].forEach((letter, index) => view.setUint8(place + index, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + 2 * count, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of what follows
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes a second
  view.setUint16(32, 2, true); // bytes of a sample
  view.setUint16(34, 16, true); // bits of a sample
  word(36, "data");
  view.setUint32(40, 2 * count, true);
  let place = HEADER_BYTES;
  for (const chunk of chunks) {
    for (const sample of chunk) {
      view.setInt16(place, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      place += 2;
    }
  }
  return new File([view], name, { type: "audio/wav" });
}
