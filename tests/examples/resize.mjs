// Resize each case of a file by the page's picture.js: node resize.mjs picture.js cases.json

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, cases] = process.argv.slice(2);
const { onWhite, resized } = await import(pathToFileURL(module));
const answers = JSON.parse(readFileSync(cases)).map(({ rgba, height, width, size, resize }) => {
  const picture = { rgb: onWhite(Buffer.from(rgba, "base64")), height, width };
  return Buffer.from(resized(picture, size, resize)).toString("base64");
});
console.log(JSON.stringify(answers));
