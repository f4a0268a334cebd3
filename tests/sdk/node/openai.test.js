// The official Node SDK, unchanged but for its baseURL, talks to providers of both kinds.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import OpenAI, { toFile } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const TEXT = "Grüße, 世界 🎉!";
const PROVIDERS = {
  openai: { model: "openai/gpt-test", served: "gpt-test-2026-01-01" },
  anthropic: { model: "anthropic/claude-sonnet-4-6", served: "claude-sonnet-4-6-20260101" },
};
const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const user = (content) => [{ role: "user", content }];

let world, urls, sdk;

before(async () => {
  const tests = fileURLToPath(new URL("../../", import.meta.url));
  const venv = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));
  const python = process.env.PYTHON ?? (existsSync(venv) ? venv : "python3");
  world = spawn(python, ["-m", "fake"], { cwd: tests, stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: world.stdout })) {
    urls = JSON.parse(line);
    break;
  }
  assert.ok(urls, "the gateway did not start");
  sdk = new OpenAI({ baseURL: `${urls.gateway}/v1`, apiKey: "none", maxRetries: 0 });
});

after(async () => {
  const ended = new Promise((resolve) => world.once("exit", resolve));
  world.stdin.end();
  await ended;
});

test("a file and a transcription, in whatever order this SDK sends the form", async () => {
  const content = Buffer.alloc(300_000, "0123456789\r\n");
  const file = await sdk.files.create({ file: await toFile(content, "a.jsonl"), purpose: "batch" });
  assert.equal(file.bytes, content.length);
  const back = Buffer.from(await (await sdk.files.content(file.id)).arrayBuffer());
  assert.ok(back.equals(content));
  for (const asked of [
    { file: await toFile(content, "a.wav"), model: "openai/whisper-1" },
    { model: "openai/whisper-1", file: await toFile(content, "a.wav") },
  ]) {
    assert.equal((await sdk.audio.transcriptions.create(asked)).text, "300000 bytes");
  }
});

test("speech and images", async () => {
  const speech = await sdk.audio.speech.create({ model: "openai/tts-1", voice: "alloy", input: "x" });
  assert.equal((await speech.arrayBuffer()).byteLength, 102400);
  const images = await sdk.images.generate({ model: "openai/gpt-image-1", prompt: "x" });
  assert.equal(images.usage.total_tokens, 39);
  assert.equal((await sdk.moderations.create({ input: "x" })).results[0].flagged, true);
});

test("embeddings, which this SDK asks for in base64", async () => {
  const answer = await sdk.embeddings.create({ model: "openai/text-embedding-test", input: ["a", "b"] });
  const vectors = answer.data.map((item) => item.embedding.map((number) => Number(number.toFixed(4))));
  assert.deepEqual(vectors, [
    [0.25, 0.5, -1.25, 0.1],
    [1.25, 0.5, -1.25, 0.1],
  ]);
  assert.equal(answer.usage.prompt_tokens, 5);
});

for (const [provider, { model, served }] of Object.entries(PROVIDERS)) {
  describe(provider, () => {
    test("a whole answer", async () => {
      const answer = await sdk.chat.completions.create({ model, messages: user("Hello") });
      assert.equal(answer.choices[0].message.content, TEXT);
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.equal(answer.model, served);
      assert.deepEqual(
        [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens],
        [11, 7, 18],
      );
    });

    test("a streamed answer", async () => {
      const stream = await sdk.chat.completions.create({
        model, messages: user("Hello"), stream: true, stream_options: { include_usage: true },
      });
      let text = "", finish, usage;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      assert.deepEqual([text, finish, usage.total_tokens], [TEXT, "stop", 18]);
    });

    test("a tool call, and its result sent back", async () => {
      const messages = user("Weather?");
      const first = await sdk.chat.completions.stream({ model, messages, tools: [WEATHER] }).finalChatCompletion();
      const [call] = first.choices[0].message.tool_calls;
      assert.equal(first.choices[0].finish_reason, "tool_calls");
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["weather", { city: "Köln" }]);
      const { role, content, tool_calls } = first.choices[0].message;
      const calls = tool_calls.map(({ id, type, function: f }) => ({ id, type, function: { name: f.name, arguments: f.arguments } }));
      const second = await sdk.chat.completions.create({
        model,
        messages: [...messages, { role, content, tool_calls: calls }, { role: "tool", tool_call_id: call.id, content: "21" }],
        tools: [WEATHER],
      });
      assert.equal(second.choices[0].message.content, TEXT);
    });

    test("a structured answer is parsed", async () => {
      const answer = await sdk.chat.completions.parse({
        model,
        messages: user("Weather?"),
        response_format: zodResponseFormat(z.object({ city: z.string(), degrees: z.number() }), "weather"),
      });
      assert.deepEqual(answer.choices[0].message.parsed, { city: "Köln", degrees: 21 });
    });

    test("an image arrives", async () => {
      const text = `node-image-${provider}`;
      const content = [{ type: "text", text }, { type: "image_url", image_url: { url: PIXEL } }];
      await sdk.chat.completions.create({ model, messages: user(content) });
      const [seen] = await (await fetch(`${urls[provider]}/seen/${text}`)).json();
      const image = seen.messages[0].content[1];
      const [data, kind] = [PIXEL.split(",")[1], "image/png"];
      assert.deepEqual(
        image,
        provider === "openai"
          ? { type: "image_url", image_url: { url: PIXEL } }
          : { type: "image", source: { type: "base64", media_type: kind, data } },
      );
    });

    for (const [script, kind, status, code] of [
      ["status 401", OpenAI.InternalServerError, 502, "provider_auth_failed"],
      ["status 404", OpenAI.NotFoundError, 404, "model_not_found"],
      ["status 429", OpenAI.RateLimitError, 429, "rate_limit_exceeded"],
      ["status 500 html", OpenAI.InternalServerError, 500, "provider_failed"],
      ["status 529", OpenAI.InternalServerError, 503, "provider_overloaded"],
    ]) {
      test(`${script} is an ${kind.name}`, async () => {
        const asked = sdk.chat.completions.create({ model, messages: user(`[[${provider} ${script}]]`) });
        await assert.rejects(asked, (error) => {
          assert.ok(error instanceof kind);
          assert.deepEqual([error.status, error.code], [status, code]);
          return true;
        });
      });
    }

    test("an error in the middle of a stream is thrown", async () => {
      const stream = await sdk.chat.completions.create({
        model, messages: user(`[[${provider} error-event-later]]`), stream: true,
      });
      let text = "";
      await assert.rejects(async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      }, OpenAI.APIError);
      assert.ok(text && TEXT.startsWith(text));
    });
  });
}

test("a fallback is invisible", async () => {
  const answer = await sdk.chat.completions.create({ model: "openai-anthropic", messages: user("[[openai status 503]]") });
  assert.deepEqual([answer.choices[0].message.content, answer.model], [TEXT, "claude-test-20260101"]);
});

test("the SDK does not repeat what the gateway has tried", async () => {
  const patient = new OpenAI({ baseURL: `${urls.gateway}/v1`, apiKey: "none" });
  const messages = user("node-once [[openai status 500]] [[anthropic status 500]]");
  await assert.rejects(patient.chat.completions.create({ model: "openai-anthropic", messages }), OpenAI.InternalServerError);
  for (const provider of ["openai", "anthropic"]) {
    assert.equal((await (await fetch(`${urls[provider]}/seen/node-once`)).json()).length, 1);
  }
});

test("a bad request and an unknown model have their own classes", async () => {
  await assert.rejects(sdk.chat.completions.create({ model: "echo", messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(sdk.chat.completions.create({ model: "nobody", messages: user("x") }), OpenAI.NotFoundError);
});

test("models are listed and looked up", async () => {
  const names = [];
  for await (const model of await sdk.models.list()) names.push(model.id);
  assert.ok(names.includes("echo") && names.includes("openai-anthropic"));
  assert.equal((await sdk.models.retrieve("openai/gpt-test")).id, "openai/gpt-test");
});
