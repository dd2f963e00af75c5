// openai for Node: chat completions.
import OpenAI from "openai";
import { MAX_TOKENS, PATH_SCHEMA, READS, READ_FILE, WORD_SCHEMA, drive, errand, runTool } from "./errand.mjs";

const client = new OpenAI({ baseURL: `${errand.url}/v1`, apiKey: errand.key, maxRetries: 0 });
const known = { model: errand.model, max_tokens: MAX_TOKENS };
const tools = [
  {
    type: "function",
    function: { name: READ_FILE, description: READS, parameters: PATH_SCHEMA, strict: true },
  },
];
const said = [{ role: "user", content: errand.say }];
const asked = [{ role: "user", content: errand.read }];
const shape = {
  type: "json_schema",
  json_schema: { name: "found", schema: WORD_SCHEMA, strict: true },
};

const ask = async (messages, more = {}) =>
  (await client.chat.completions.create({ ...known, messages, ...more })).choices[0];

const pieces = async (messages, more = {}) => {
  const stream = await client.chat.completions.create({
    ...known,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  });
  const parts = [];
  for await (const chunk of stream) parts.push(chunk.choices[0]?.delta.content ?? "");
  return parts;
};

const results = (message) => [
  ...asked,
  message,
  ...message.tool_calls.map((call) => ({
    role: "tool",
    tool_call_id: call.id,
    content: runTool(call.function.name, call.function.arguments),
  })),
];

await drive({
  whole: async () => (await ask(said)).message.content,
  streamed: () => pieces(said),
  called: async () => {
    const told = results((await ask(asked, { tools })).message);
    return (await ask(told, { tools })).message.content;
  },
  called_streamed: async () => {
    const stream = client.chat.completions.stream({ ...known, messages: asked, tools });
    return pieces(results((await stream.finalChatCompletion()).choices[0].message), { tools });
  },
  shaped: async () => {
    const reply = await client.chat.completions.parse({
      ...known,
      messages: said,
      response_format: shape,
    });
    return JSON.parse(reply.choices[0].message.content).word;
  },
});
