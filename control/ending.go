package control

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// End is the revision that ends the command. It fits into a record, however full that of the command is: where it would not, the reason for the end is
// cut, then the command's own, and at last the partitions are left out, which nobody asks of a command that is in force nowhere.
func (c Command) End(by Ended) Command {
	c.Revision++
	c.Ended = &by
	by.Reason = cut(by.Reason, 0, c.beyond())
	c.Reason = cut(c.Reason, 1, c.beyond())
	if c.beyond() > 0 {
		c.Scope.Partitions = nil
	}
	return c
}

// beyond is how many bytes more than a record's the command has; at most 0 where it fits.
func (c *Command) beyond() int {
	text, err := json.Marshal(c)
	if err != nil { // numbers that no JSON has: it is no command
		return 0
	}
	return len(text) - MaxRecordBytes
}

// cut takes so many bytes from the end of a text, and no rune in part; of the runes that are no space it leaves some.
func cut(text string, runes, bytes int) string {
	if bytes <= 0 {
		return text
	}
	text = strings.TrimLeft(text, " \t")
	least := 0
	for range runes {
		_, size := utf8.DecodeRuneInString(text[least:])
		least += size
	}
	at := min(max(len(text)-bytes, least), len(text))
	for at > least && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return text[:at]
}
