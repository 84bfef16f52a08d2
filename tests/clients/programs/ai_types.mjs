// What Vercel's `ai` makes of events: does it find fault with the type of one?
// Reads {"events": […]} as JSON lines, each one stream of a provider's.
import { createInterface } from "node:readline";

import { createOpenAI } from "@ai-sdk/openai";
import { streamText } from "ai";

for await (const line of createInterface({ input: process.stdin })) {
  const { events } = JSON.parse(line);
  const body = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const headers = { "content-type": "text/event-stream" };
  const fetch = async () => new Response(body, { headers });
  const model = createOpenAI({ apiKey: "none", fetch }).responses("gpt-4o");
  const result = streamText({ model, prompt: "hi", maxRetries: 0, onError: () => {} });
  const answer = { errors: [], text: "", ended: null };
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") answer.text += part.text;
    if (part.type === "error") answer.errors.push(String(part.error.name ?? part.error.message));
    if (part.type === "finish") answer.ended = part.finishReason;
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
