// Prints the ids of every text, a line each: run.mjs TOKENIZER CONTRACT CASES.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [source, contract, cases] = process.argv.slice(2);
const { Tokenizer } = await import(pathToFileURL(source));
const facts = JSON.parse(readFileSync(contract, "utf-8"));
const lines = [];
for (const [field, given] of Object.entries(JSON.parse(readFileSync(cases, "utf-8")))) {
  const tokenizer = new Tokenizer(facts, field);
  for (const { text, base64 } of given) {
    lines.push(tokenizer.ids(text ?? new Uint8Array(Buffer.from(base64, "base64"))).join(" "));
  }
}
console.log(lines.join("\n"));
