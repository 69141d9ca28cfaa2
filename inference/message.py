"""What is told to the artist: English that can be told in her language as well. No bpy."""

from __future__ import annotations

from collections.abc import Callable

Value = str | int | float


class Message(str):
    """A text in English that remembers what it was made of.

    Only the template is translated, and only the template is formatted: a value may hold anything,
    braces too.

    Args:
        template: In English, with the names of the values in braces; a message stays what it is.
        values: What stands there. Those that are messages are translated with it.

    Attributes:
        template: By which translations know it.
        values: By their names.
    """

    template: str
    values: dict[str, Value]

    def __new__(cls, template: str, /, **values: Value) -> Message:
        if isinstance(template, Message):
            return template
        message = super().__new__(cls, template.format(**values))
        message.template, message.values = template, values
        return message

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        """So that it can come back from a worker process."""
        return (self.template,), self.values

    def translated(self, translate: Callable[[str], str]) -> str:
        """The text in the language that `translate` gives the template in."""
        values = {
            name: value.translated(translate) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return translate(self.template).format(**values)
