"""Templates -> HTML, every text escaped."""

from typing import Any

import jinja2


def html(template: str, page: Any) -> str:
    """The page by one of the templates of this package."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("moonfield.reporting", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(page=page)
