"""openai-agents for Python, with its WebSocket transport or over HTTP.

Runs in an environment of its own, on a proxy's URL and a way; see support/client_packages.py.
"""

import asyncio
import json
import sys

from agents import Agent, OpenAIProvider, RunConfig, Runner, function_tool, set_tracing_disabled


@function_tool(strict_mode=False)
def shell_command(command: str) -> str:
    """Run a command."""
    return command.rpartition(" ")[2]


async def run(config, does, model, text, previous):
    """Return the model's last text."""
    agent = Agent(name="agent", model=model, tools=[shell_command] if does == "tools" else [])
    result = await Runner.run(agent, text, run_config=config, previous_response_id=previous)
    if does == "chain":
        previous = result.last_response_id
        result = await Runner.run(
            agent, f"and {text}", run_config=config, previous_response_id=previous
        )
    return result.final_output


async def main():
    """Answer each JSON line of stdin with one line."""
    _, url, way = sys.argv
    set_tracing_disabled(True)
    for line in sys.stdin:
        asked = json.loads(line)
        provider = OpenAIProvider(
            base_url=url, api_key=asked.pop("key"), use_responses_websocket=way == "websocket"
        )
        try:
            config = RunConfig(model_provider=provider)
            answer = {"said": await run(config, **asked)}
        except Exception as error:  # noqa: BLE001  # whatever a user would see
            answer = {"error": str(error)}
        finally:
            await provider.aclose()
        print(json.dumps(answer), flush=True)


asyncio.run(main())
