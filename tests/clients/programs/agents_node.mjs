// openai-agents for JavaScript, with its WebSocket transport or over HTTP.
// Runs on a proxy's URL and a way; see support/client_packages.py.
import { createInterface } from "node:readline";

import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from "@openai/agents";
import { z } from "zod";

const shell = tool({
  name: "shell_command",
  description: "Run a command.",
  parameters: z.object({ command: z.string() }),
  execute: ({ command }) => command.split(" ").at(-1),
});

async function run(runner, { does, model, text, previous }) {
  const agent = new Agent({ name: "agent", model, tools: does === "tools" ? [shell] : [] });
  let result = await runner.run(agent, text, previous ? { previousResponseId: previous } : {});
  if (does === "chain") {
    const previousResponseId = result.lastResponseId;
    result = await runner.run(agent, `and ${text}`, { previousResponseId });
  }
  return result.finalOutput;
}

setTracingDisabled(true);
const [url, way] = process.argv.slice(2);
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const modelProvider = new OpenAIProvider({
    baseURL: url,
    apiKey: asked.key,
    useResponses: true,
    useResponsesWebSocket: way === "websocket",
  });
  try {
    console.log(JSON.stringify({ said: await run(new Runner({ modelProvider }), asked) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
  await modelProvider.close();
}
process.exit(0);
