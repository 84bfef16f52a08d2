// Vercel's `ai` with its provider for OpenAI and its WebSocket fetch, or with the platform's own.
// Runs on a proxy's URL and a way; see support/client_packages.py.
import { createInterface } from "node:readline";

import { createOpenAI } from "@ai-sdk/openai";
import { createWebSocketFetch } from "@vercel/ai-sdk-openai-websocket-fetch";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const shell = tool({
  description: "Run a command.",
  inputSchema: z.object({ command: z.string() }),
  execute: async ({ command }) => command.split(" ").at(-1),
});

async function turn(model, prompt, more) {
  let failure = null;
  const result = streamText({ model, prompt, onError: ({ error }) => (failure = error), ...more });
  let text = "";
  for await (const part of result.fullStream) {
    if (part.type === "start-step") text = "";
    if (part.type === "text-delta") text += part.text;
    if (part.type === "error") failure = part.error;
  }
  if (failure) throw failure;
  return { text, id: (await result.providerMetadata).openai.responseId };
}

const after = (id) => ({ providerOptions: { openai: { previousResponseId: id } } });

async function run(model, { does, text, previous }) {
  const tools = { tools: { shell_command: shell }, stopWhen: stepCountIs(3) };
  const more = previous ? after(previous) : {};
  let result = await turn(model, text, does === "tools" ? tools : more);
  if (does === "chain") result = await turn(model, `and ${text}`, after(result.id));
  return result.text;
}

// A stream's error may be a bare object; a page would show its message.
function shown(error) {
  return error instanceof Error ? error.message : JSON.stringify(error);
}

const [url, way] = process.argv.slice(2);
const websocketUrl = `${url.replace(/^http/, "ws")}/responses`;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const websocket = way === "websocket" ? createWebSocketFetch({ url: websocketUrl }) : undefined;
  const options = { baseURL: url, apiKey: asked.key, fetch: websocket };
  const model = createOpenAI(options).responses(asked.model);
  try {
    console.log(JSON.stringify({ said: await run(model, asked) }));
  } catch (error) {
    console.log(JSON.stringify({ error: shown(error) }));
  }
  websocket?.close();
}
process.exit(0);
