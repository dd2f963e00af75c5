// What run.py is for libraries of Python.
import { writeFileSync } from "node:fs";
import { OUTCOMES, setErrand } from "./errand.mjs";

const [script, errands, outcomes] = process.argv.slice(2);
for (const [at, told] of JSON.parse(errands).entries()) {
  setErrand(told);
  await import(`./${script}?${at}`);
}
writeFileSync(outcomes, JSON.stringify(OUTCOMES));
