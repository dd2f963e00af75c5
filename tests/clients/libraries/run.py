"""Run a script once for each errand, in one process: run.py SCRIPT ERRANDS OUTCOMES.

WHY: to import a library takes longer than to do all that it is asked.
"""

import json  # noqa: TID251 - the environments of the libraries have no msgspec
import runpy
import sys
from pathlib import Path

import errand

script, errands, outcomes = sys.argv[1:]
for told in json.loads(errands):
    errand.ERRAND = errand.Errand(told)
    runpy.run_path(script)
Path(outcomes).write_text(json.dumps(errand.OUTCOMES))
