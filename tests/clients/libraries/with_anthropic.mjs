// anthropic for Node: messages.
import Anthropic from "@anthropic-ai/sdk";
import { MAX_TOKENS, PATH_SCHEMA, READS, READ_FILE, WORD_SCHEMA, drive, errand, runTool } from "./errand.mjs";

const client = new Anthropic({ baseURL: errand.url, apiKey: errand.key, maxRetries: 0 });
const known = { model: errand.model, max_tokens: MAX_TOKENS };
const tools = [{ name: READ_FILE, description: READS, input_schema: PATH_SCHEMA }];
const said = [{ role: "user", content: errand.say }];
const asked = [{ role: "user", content: errand.read }];
const output_config = { format: { type: "json_schema", schema: WORD_SCHEMA } };

const ask = async (messages, more = {}) => client.messages.create({ ...known, messages, ...more });

const pieces = async (messages, more = {}) => {
  const parts = [];
  const stream = client.messages.stream({ ...known, messages, ...more });
  stream.on("text", (part) => parts.push(part));
  await stream.finalMessage();
  return parts;
};

const results = (message) => [
  ...asked,
  { role: "assistant", content: message.content },
  {
    role: "user",
    content: message.content
      .filter((block) => block.type === "tool_use")
      .map((block) => ({
        type: "tool_result",
        tool_use_id: block.id,
        content: runTool(block.name, block.input),
      })),
  },
];

await drive({
  whole: async () => (await ask(said)).content[0].text,
  streamed: () => pieces(said),
  called: async () => (await ask(results(await ask(asked, { tools })), { tools })).content[0].text,
  called_streamed: async () => {
    const first = client.messages.stream({ ...known, messages: asked, tools });
    return pieces(results(await first.finalMessage()), { tools });
  },
  shaped: async () => JSON.parse((await ask(said, { output_config })).content[0].text).word,
});
