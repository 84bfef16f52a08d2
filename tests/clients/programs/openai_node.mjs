// openai-node: `ResponsesWS`, or `responses.create({stream: true})` over HTTP.
// Runs on a proxy's URL and a way; see support/client_packages.py.
import { createInterface } from "node:readline";

import OpenAI from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";

const SHELL = {
  type: "function",
  name: "shell_command",
  description: "Run a command.",
  parameters: { type: "object", properties: { command: { type: "string" } } },
  strict: false,
};
const ENDS = ["response.completed", "response.failed", "response.incomplete", "error"];

// The events of a turn on a connection, as its stream has them.
async function* events(socket, body) {
  const stream = socket.stream();
  socket.send({ type: "response.create", ...body });
  for await (const each of stream) {
    if (each.type === "message") yield each.message;
    else if (each.type === "error") throw each.error;
    else if (each.type === "close") throw new Error(`closed: ${each.code} ${each.reason}`);
  }
}

async function turn(ask, body) {
  for await (const event of await ask(body)) {
    if (!ENDS.includes(event.type)) continue;
    if (event.type !== "response.completed") throw new Error(JSON.stringify(event));
    return event.response;
  }
  throw new Error("the stream ended without a terminal event");
}

async function run(ask, { does, model, text, previous }) {
  const body = { model, input: text };
  if (does === "tools") body.tools = [SHELL];
  if (previous) body.previous_response_id = previous;
  let response = await turn(ask, body);
  if (does === "chain") {
    const more = { input: `and ${text}`, previous_response_id: response.id };
    response = await turn(ask, { ...body, ...more });
  } else if (does === "tools") {
    const call = response.output.find((item) => item.type === "function_call");
    const output = { type: "function_call_output", call_id: call.call_id, output: "tool-ran" };
    response = await turn(ask, { ...body, input: [output], previous_response_id: response.id });
  }
  return response.output.flatMap((item) => item.content ?? []).map((part) => part.text).join("");
}

const [url, way] = process.argv.slice(2);
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const client = new OpenAI({ baseURL: url, apiKey: asked.key });
  const socket = way === "websocket" ? new ResponsesWS(client) : null;
  // Without a listener a socket's error would end the process; the stream has it, too.
  socket?.on("error", () => {});
  const post = (body) => client.responses.create({ ...body, stream: true });
  const ask = socket ? (body) => events(socket, body) : post;
  try {
    console.log(JSON.stringify({ said: await run(ask, asked) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
  socket?.close();
}
process.exit(0);
