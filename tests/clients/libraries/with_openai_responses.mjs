// openai for Node: responses.
import OpenAI from "openai";
import { PATH_SCHEMA, READS, READ_FILE, WORD_SCHEMA, drive, errand, runTool } from "./errand.mjs";

const client = new OpenAI({ baseURL: `${errand.url}/v1`, apiKey: errand.key, maxRetries: 0 });
const model = errand.model;
const tools = [
  { type: "function", name: READ_FILE, description: READS, parameters: PATH_SCHEMA, strict: true },
];
const asked = [{ role: "user", content: errand.read }];
const text = { format: { type: "json_schema", name: "found", schema: WORD_SCHEMA, strict: true } };

const pieces = async (input, more = {}) => {
  const parts = [];
  for await (const event of client.responses.stream({ model, input, ...more })) {
    if (event.type === "response.output_text.delta") parts.push(event.delta);
  }
  return parts;
};

const results = (response) => [
  ...asked,
  ...response.output,
  ...response.output
    .filter((item) => item.type === "function_call")
    .map((call) => ({
      type: "function_call_output",
      call_id: call.call_id,
      output: runTool(call.name, call.arguments),
    })),
];

await drive({
  whole: async () => (await client.responses.create({ model, input: errand.say })).output_text,
  streamed: () => pieces(errand.say),
  called: async () => {
    const input = results(await client.responses.create({ model, input: asked, tools }));
    return (await client.responses.create({ model, input, tools })).output_text;
  },
  called_streamed: async () => {
    const stream = client.responses.stream({ model, input: asked, tools });
    return pieces(results(await stream.finalResponse()), { tools });
  },
  shaped: async () => {
    const reply = await client.responses.parse({ model, input: errand.say, text });
    return JSON.parse(reply.output_text).word;
  },
});
