"""Every page says what it may load: what lies beside it, on a server or on a disk.

A browser then asks no other host for anything, whatever a library of the theme would
like to fetch one day. Scripts and styles inside the page are its own: the theme,
reveal.js and what is to be touched have some.
"""

HERE = "'self' file:"  # not every browser counts a file beside a file as 'self'
POLICY = "; ".join(
    [
        f"default-src {HERE} 'unsafe-inline'",
        f"img-src {HERE} data:",
        f"font-src {HERE} data:",
        "object-src 'none'",
        "base-uri 'none'",
        f"form-action {HERE}",
    ]
)
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'


def first_of_all(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """A policy holds for what comes after it, so it stands before all scripts."""
    context["metatags"] = META + context.get("metatags", "")


def setup(app) -> dict:
    app.add_config_value("policy", POLICY, "html")  # another one is in every page
    app.connect("html-page-context", first_of_all)
    return {"parallel_read_safe": True}
