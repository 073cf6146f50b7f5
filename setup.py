"""Everything is in pyproject.toml, but for one step: a wheel carries its translations compiled."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTranslations(build_py):
    """Compile translations/*/LC_MESSAGES/*.po into the .mo files that the product reads."""

    def run(self) -> None:
        """Compile, then build as usual."""
        from babel.messages.mofile import write_mo  # noqa: PLC0415 - present while building only
        from babel.messages.pofile import read_po  # noqa: PLC0415

        for source in Path("translations").glob("*/LC_MESSAGES/*.po"):
            catalogue = read_po(source.open("rb"), locale=source.parts[1])
            with source.with_suffix(".mo").open("wb") as target:
                write_mo(target, catalogue)
        super().run()


setup(cmdclass={"build_py": BuildWithTranslations})
