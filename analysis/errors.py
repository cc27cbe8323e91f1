"""The two ways to fail.  Each becomes an exit code in __main__."""


class Problem(Exception):
    """A failure that is told to the user as one line; code is the exit."""

    code = 4


class BadRequest(Problem):
    """The user named something that is not there."""

    code = 2


class CannotWork(Problem):
    """The lab, a library or a tool is missing or unusable."""

    code = 4


#: Python module to the Debian package that has it.
PACKAGES = {
    "numpy": "python3-numpy",
    "pandas": "python3-pandas",
    "scipy": "python3-scipy",
    "statsmodels": "python3-statsmodels",
    "jinja2": "python3-jinja2",
}


def missing_module(error: ImportError) -> CannotWork:
    """Say which package a failed import needs.

    The module may be a part of a package (scipy.special), and what it lacks
    may be a library of its own; then the error's own words are passed on.
    """
    module = (error.name or "").split(".")[0]
    package = PACKAGES.get(module)
    if package is None:
        return CannotWork(f"a Python module does not load: {error}; "
                          "run `make setup`")
    return CannotWork(f"Python's {module} does not load ({error}): install "
                      f"the package {package}, or run `make setup`")
