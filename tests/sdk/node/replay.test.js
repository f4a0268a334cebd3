// The official Node SDK gathers what the fixtures of the dialects say that its user gets, without a gateway.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";

const FIXTURES = fileURLToPath(new URL("../../fixtures/", import.meta.url));

/** Streams of chunks, each with the case that gives the same answer whole. */
function* pairs() {
  const cases = readdirSync(FIXTURES, { recursive: true }).filter((path) => path.endsWith("/0-case.yaml"));
  for (const path of cases.sort()) {
    const about = readFileSync(FIXTURES + path, "utf8");
    const [, whole] = about.match(/^gathers_to: "?([\w-]+)/m) ?? [];
    if (whole && !/^api:/m.test(about)) {
      const [dialect, name] = path.split("/");
      yield [`${dialect}/${name}`, `${FIXTURES}${dialect}/${whole}/4-client.json`];
    }
  }
}

/**
 * A value without its `null`s, and calls without what the helper adds to them. Of a text that is not OpenAI's it
 * keeps the last piece only: what a provider needs back must not lie there.
 */
function said(value) {
  if (Array.isArray(value)) return value.map(said);
  if (value === null || typeof value !== "object") return value;
  const apart = ["index", "parsed_arguments", "parsed", "reasoning_content"];
  const kept = Object.entries(value).filter(([key, item]) => item != null && !apart.includes(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, said(item)]));
}

for (const [name, whole] of pairs()) {
  test(`${name}: the stream helper gathers the message of the whole answer`, async () => {
    const headers = { "content-type": "text/event-stream" };
    const fetch = async () => new Response(readFileSync(`${FIXTURES}${name}/4-client.sse`), { headers });
    const sdk = new OpenAI({ baseURL: "http://replay", apiKey: "none", maxRetries: 0, fetch });
    const gathered = await sdk.chat.completions.stream({ model: "m", messages: [] }).finalChatCompletion();
    const want = JSON.parse(readFileSync(whole, "utf8"));
    const messages = (answer) => said(answer.choices.map((choice) => choice.message));
    assert.deepEqual(messages(gathered), messages(want));
  });
}
