// Package boundedfile reads files of a host that somebody else may write: routes, what an agent may do, and caches.
package boundedfile

import (
	"fmt"
	"io"
	"os"
)

// Read returns what is in a file, of which no more than so many bytes are ever in memory, whatever it says of its size. The error says that it is
// larger, that it is no regular file (who opens a named pipe waits for somebody to write), or what the system says.
func Read(path string, mostBytes int) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no file, but of mode %s: name a file", info.Mode())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, int64(mostBytes)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostBytes {
		return nil, fmt.Errorf("it has more than %d bytes, which is all that is allowed", mostBytes)
	}
	return text, nil
}
