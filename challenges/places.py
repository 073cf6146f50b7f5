"""Where each value of a TOML file stands: tomllib gives values without lines, and a fault must name its line."""

from __future__ import annotations

from collections.abc import Sequence

Path = tuple[str | int, ...]

_BLANK = " \t"
_BARE_KEY_END = set(" \t.=]\"'\r\n")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


class Places:
    """Lines of a TOML text that tomllib has already accepted: of every table, key and list item, by its path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._sizes: dict[Path, int] = {}
        self._read()

    def line(self, where: Sequence[str | int]) -> int:
        """The line of a value, from 1; of the nearest table or key around it when it is not written; else 1."""
        path = tuple(where)
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 1

    # --- statements ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        table: Path = ()
        while True:
            self._skip(_BLANK + "\r\n")
            if self._at >= len(self._text):
                return
            if self._peek() == "#":
                self._comment()
            elif self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        """[table] or [[list of tables]]; the path of a table below a list goes by the list's last item."""
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        keys = self._keys()
        self._at = self._text.find("]", self._at) + (2 if many else 1)
        path: Path = ()
        for position, key in enumerate(keys):
            path += (key,)
            last = position == len(keys) - 1
            if last and many:
                self._sizes[path] = self._sizes.get(path, 0) + 1
                self._lines.setdefault(path, self._line(start))
            if path in self._sizes:
                path += (self._sizes[path] - 1,)
        self._lines.setdefault(path, self._line(start))
        return path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._keys():
            path += (key,)
            self._lines.setdefault(path, self._line(start))
        self._at = self._text.find("=", self._at) + 1
        self._value(path)

    def _keys(self) -> list[str]:
        """A dotted key, up to what follows it."""
        keys = []
        while True:
            self._skip(_BLANK)
            if self._peek() in "\"'":
                keys.append(self._string())
            else:
                start = self._at
                while self._at < len(self._text) and self._text[self._at] not in _BARE_KEY_END:
                    self._at += 1
                keys.append(self._text[start : self._at])
            self._skip(_BLANK)
            if self._peek() != ".":
                return keys
            self._at += 1

    # --- values ----------------------------------------------------------------------------------------------------

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        first = self._peek()
        if first == "{":
            self._at += 1
            while self._more("}"):
                self._pair(path)
        elif first == "[":
            self._at += 1
            index = 0
            while self._more("]"):
                self._lines[(*path, index)] = self._line(self._at)
                self._value((*path, index))
                index += 1
        elif first in "\"'":
            self._string()
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\r\n":
                self._at += 1

    def _more(self, closing: str) -> bool:
        """Go to the next item of a list or inline table; past its end, answer False."""
        while self._at < len(self._text):
            self._skip(_BLANK + "\r\n,")
            if self._peek() == "#":
                self._comment()
            elif self._peek() == closing:
                self._at += 1
                return False
            else:
                return self._at < len(self._text)
        return False

    def _string(self) -> str:
        quote = self._peek()
        fence = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(fence)
        found = []
        while self._at < len(self._text) and not self._text.startswith(fence, self._at):
            character = self._text[self._at]
            if character == "\\" and quote == '"':
                self._at += 1
                character = _ESCAPES.get(self._peek(), self._peek())
            found.append(character)
            self._at += 1
        self._at += len(fence)
        while len(fence) == 3 and self._peek() == quote:  # a text may end with up to two quotes of its own
            self._at += 1
        return "".join(found)

    # --- characters ------------------------------------------------------------------------------------------------

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else "\n"

    def _skip(self, characters: str) -> None:
        while self._at < len(self._text) and self._text[self._at] in characters:
            self._at += 1

    def _comment(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1
