# What gdb is told first (make debug): texts are shown as text, a closed connection is nothing to stop at.
set pagination off
set print pretty on
handle SIGPIPE nostop noprint pass
python
import gdb


class TextPrinter:
    """typedef struct text: bytes with a length, not ended by NUL."""

    def __init__(self, value):
        self.at, self.length = value["at"], int(value["len"])

    def to_string(self):
        if int(self.at) == 0:
            return "(absent)"
        return self.at.lazy_string(length=self.length)

    def display_hint(self):
        return None if int(self.at) == 0 else "string"


gdb.pretty_printers.append(
    lambda value: TextPrinter(value) if value.type.strip_typedefs().tag == "text" else None)
end
