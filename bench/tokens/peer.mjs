// Counts a text with js-tiktoken: node peer.mjs <encoding> <file> <turns>. Prints tokens and seconds.
import { readFileSync } from "node:fs";
import { Tiktoken } from "js-tiktoken/lite";

const [encoding, file, turns] = process.argv.slice(2);
const { default: ranks } = await import(`js-tiktoken/ranks/${encoding}`);
const tiktoken = new Tiktoken(ranks);
const text = readFileSync(file, "utf8");
let tokens = 0;
let fastest = Infinity;
for (let turn = 0; turn < Number(turns); turn++) {
  const start = process.hrtime.bigint();
  tokens = tiktoken.encode(`${turn} ${text}`, [], []).length;
  fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / 1e9);
}
console.log(`${tokens} ${fastest}`);
