import { arrayOf, objectOf, stringOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

/** OpenAI's `tools`, `tool_choice` and `parallel_tool_calls` as Anthropic's; empty without tools. */
export function toAnthropicTools(extra: WireObject): WireObject {
  const tools = arrayOf(extra.tools)
    .map((tool) => objectOf(objectOf(tool)?.function))
    .filter((tool) => tool !== undefined)
    .map(toTool);
  if (tools.length === 0) return {};
  const choice = toToolChoice(extra.tool_choice);
  if (extra.parallel_tool_calls !== false || choice?.type === 'none')
    return choice === undefined ? { tools } : { tools, tool_choice: choice };
  return { tools, tool_choice: { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true } };
}

function toTool(tool: WireObject): WireObject {
  return {
    name: tool.name,
    ...(typeof tool.description === 'string' && { description: tool.description }),
    input_schema: objectOf(tool.parameters) ?? { type: 'object', properties: {} },
  };
}

function toToolChoice(choice: unknown): WireObject | undefined {
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  const name = objectOf(objectOf(choice)?.function)?.name;
  return typeof name === 'string' ? { type: 'tool', name } : undefined;
}

/** An assistant message's `tool_calls` as `tool_use` blocks. */
export function toToolUses(toolCalls: unknown): WireObject[] {
  return arrayOf(toolCalls)
    .map(objectOf)
    .filter((call) => call !== undefined)
    .map((call) => {
      const called = objectOf(call.function);
      return { type: 'tool_use', id: call.id, name: called?.name, input: parseArguments(called?.arguments) };
    });
}

// `input` must be an object; what a model once wrote as arguments need not be JSON.
function parseArguments(text: unknown): WireObject {
  try {
    return objectOf(JSON.parse(stringOf(text))) ?? {};
  } catch {
    return {};
  }
}

/** A `tool_use` block of an answer as one of OpenAI's `tool_calls`. */
export function fromToolUse(block: WireObject): WireObject {
  const args = JSON.stringify(block.input ?? {});
  return { id: block.id, type: 'function', function: { name: block.name, arguments: args } };
}
