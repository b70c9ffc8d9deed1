"""How much of the site is computed: the variable `MOONFIELD_DOCS`.

`full`: every page as it stands. `short`: pages with fewer steps, by the table `short` at the top of
each; what tests and a quick look want. `plain`: nothing is executed.
"""

import os

FORMS = ("full", "short", "plain")
FORM = os.environ.get("MOONFIELD_DOCS", "full")
if FORM not in FORMS:
    raise SystemExit(f"MOONFIELD_DOCS must be one of {', '.join(FORMS)}, got {FORM!r}.")
