// Sounds in other formats: what the browser can play becomes the WAV file that a model takes.

import { Wrong } from "./dom.js";
import { wavFile } from "./wav.js";

const RATE = 44100;

/** A sound as WAV, one channel, at the model's rate; null if it is one already. */
export async function asWav(file, { sampling_rate: rate }) {
  if ((await file.slice(0, 4).text()) === "RIFF") return null;
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, rate ?? RATE).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Wrong(`The model takes WAV, and this browser cannot turn ${file.name} into it. Choose another file.`);
  }
  const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
  const mean = channels[0].map((_, place) => channels.reduce((sum, each) => sum + each[place], 0) / channels.length);
  return wavFile([mean], sound.sampleRate, `${file.name.replace(/\.[^.]*$/, "")}.wav`);
}
