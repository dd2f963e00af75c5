// The AI SDK, by each of its providers that a gateway can stand for.
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { MAX_TOKENS, PATH_SCHEMA, READS, WORD_SCHEMA, drive, errand, readFile } from "./errand.mjs";

const { url, key, model: name } = errand;
const [accessKeyId, secretAccessKey] = key.split(":");
const v1 = { baseURL: `${url}/v1`, apiKey: key };
const providers = {
  chat: () =>
    createOpenAICompatible({ name: "gateway", ...v1, supportsStructuredOutputs: true })(name),
  openai_chat: () => createOpenAI(v1).chat(name),
  responses: () => createOpenAI(v1)(name),
  messages: () => createAnthropic(v1)(name),
  gemini: () => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key })(name),
  converse: () =>
    createAmazonBedrock({ baseURL: url, region: "eu-central-1", accessKeyId, secretAccessKey })(name),
};
const known = { model: providers[errand.face](), maxRetries: 0, maxOutputTokens: MAX_TOKENS };
const reader = tool({
  description: READS,
  inputSchema: jsonSchema(PATH_SCHEMA),
  execute: async (given) => readFile(given),
});
const reading = { prompt: errand.read, tools: { read_file: reader }, stopWhen: stepCountIs(3) };
const output = Output.object({ schema: jsonSchema(WORD_SCHEMA) });

const pieces = async (asked) => {
  let failed;
  const stream = streamText({ ...known, ...asked, onError: ({ error }) => (failed = error) });
  const parts = [];
  for await (const part of stream.textStream) parts.push(part);
  if (failed) throw failed;
  return parts;
};

await drive({
  whole: async () => (await generateText({ ...known, prompt: errand.say })).text,
  streamed: () => pieces({ prompt: errand.say }),
  called: async () => (await generateText({ ...known, ...reading })).text,
  called_streamed: () => pieces(reading),
  shaped: async () => (await generateText({ ...known, prompt: errand.say, output })).output.word,
});
