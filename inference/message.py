"""Messages for the artist: English text that can be translated into her language. No bpy."""

from __future__ import annotations

from collections.abc import Callable

Value = str | int | float


class Message(str):
    """An English text that remembers its template and values.

    Only the template is translated and formatted: a value may hold anything, even braces.

    Args:
        template: English text with the names of the values in braces; a `Message` is returned
            unchanged.
        values: The values to insert. A value that is a `Message` is translated too.

    Attributes:
        template: The key under which translations list the text.
        values: The values by name.
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
        """Support pickling, so that a worker process can send the message back."""
        return (self.template,), self.values

    def translated(self, translate: Callable[[str], str]) -> str:
        """Return the text in the language into which `translate` translates the template."""
        values = {
            name: value.translated(translate) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return translate(self.template).format(**values)


def size_text(size: float) -> Message:
    """Return a number of bytes in GB or MB."""
    if size >= 1e9:
        return Message("{size:.1f} GB", size=size / 1e9)
    return Message("{size:,.0f} MB", size=size / 1e6)
