// What errand.py is for libraries of Python, for those of Node: see there.
import { readFileSync } from "node:fs";

export let errand;
export const setErrand = (told) => {
  errand = told;
};
export const OUTCOMES = [];
export const READ_FILE = "read_file";
export const READS = "Read a file and return what it holds.";
export const MAX_TOKENS = 256;
const shape = (name) => ({
  type: "object",
  properties: { [name]: { type: "string" } },
  required: [name],
  additionalProperties: false,
});
export const PATH_SCHEMA = shape("path");
export const WORD_SCHEMA = shape("word");

export const readFile = ({ path }) => readFileSync(path, "utf8");

export const runTool = (name, given) => {
  if (name !== READ_FILE) throw new Error(`no tool ${name}`);
  return readFile(typeof given === "string" ? JSON.parse(given) : given);
};

const kinds = (error) => {
  const names = [];
  for (let at = error; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(at.constructor?.name, at.name);
  }
  return [...new Set(names.filter(Boolean))];
};

const outcome = async (task) => {
  try {
    const said = await task();
    const pieces = Array.isArray(said) ? said : [said];
    return { text: pieces.join(""), pieces: pieces.filter(Boolean).length };
  } catch (error) {
    return { raised: kinds(error), message: `${error.message} ${error.responseBody ?? ""}` };
  }
};

export const drive = async (tasks) => {
  const outcomes = {};
  for (const name of errand.tasks) outcomes[name] = await outcome(tasks[name]);
  OUTCOMES.push(outcomes);
};
